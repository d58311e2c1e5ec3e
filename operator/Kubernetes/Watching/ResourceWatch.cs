using System.Text.Json;

namespace SessionOperator.Operator.Kubernetes.Watching;

/// <summary>
/// Keeps a sink up to date about objects of one kind: lists, watches, goes on where it stopped, and lists again when
/// that is impossible. It ends only when told to; whatever the server or the network does is a reason to try again,
/// counted and visible in <see cref="Health"/>.
/// </summary>
/// <typeparam name="T">What an object is boiled down to: small, immutable.</typeparam>
public sealed partial class ResourceWatch<T> where T : class
{
    /// <summary>So many answers in a row that led to nothing, and the point to go on from is under suspicion too.</summary>
    private const int FailuresBeforeRelist = 5;

    private readonly ApiTransport _transport;
    private readonly WatchTarget _target;
    private readonly Func<JsonElement, ObjectMeta, T> _project;
    private readonly WatchTimings _timings;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly ResourceStore<T> _store;
    private readonly Backoff _backoff;
    private int _pageSize;
    private string? _version;
    private int _failures;

    /// <param name="transport">Reaches the API server.</param>
    /// <param name="target">What to watch.</param>
    /// <param name="project">Boils an object down and copies what it keeps. If it throws, the object counts as unchanged.</param>
    /// <param name="sink">Told of every change.</param>
    /// <param name="log">Gets one line when the watch is in trouble and one when it is back.</param>
    /// <param name="timings">Null for the usual ones.</param>
    /// <param name="ended">Counts ends; called on the loop.</param>
    /// <param name="time">The clock of pauses and of health; null for the system's.</param>
    public ResourceWatch(
        ApiTransport transport, WatchTarget target, Func<JsonElement, ObjectMeta, T> project, IWatchSink<T> sink,
        ILogger log, WatchTimings? timings = null, Action<EndReason>? ended = null, TimeProvider? time = null)
    {
        (_transport, _target, _project, _log) = (transport, target, project, log);
        _timings = timings ?? WatchTimings.Usual;
        _time = time ?? TimeProvider.System;
        _store = new ResourceStore<T>(sink);
        _backoff = new Backoff(_timings.FirstPause, _timings.LongestPause);
        _pageSize = _timings.PageSize;
        Health = new WatchHealth(target, _timings, _time, ended);
    }

    public WatchHealth Health { get; }

    /// <summary>Runs until told to stop, and then returns normally, at once. To be called once.</summary>
    /// <param name="stopping">Tells it to stop.</param>
    public async Task RunAsync(CancellationToken stopping)
    {
        try
        {
            while (true)
            {
                var end = await AttemptAsync(stopping);
                Health.Ended(end.Reason);
                await RecoverAsync(end, stopping);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Told to stop: nothing is in flight any more.
        }
        finally
        {
            Health.Enter(WatchState.Stopped);
        }
    }

    /// <summary>Lists if need be, then watches to the end of one stream. Throws only when told to stop.</summary>
    private async Task<WatchEnd> AttemptAsync(CancellationToken stopping)
    {
        try
        {
            if (_version is null)
            {
                Health.Enter(WatchState.Listing, Health.Problem);
                var (version, all) = await ListAsync(stopping);
                await Hand(() => _store.Replace(all, stopping), stopping);
                _version = version;
                (_missingSince, _absent) = (null, false);
                Health.Synced();
                Health.Proven();
            }
            return await WatchAsync(_version, stopping);
        }
        catch (WatchEndedException broken)
        {
            return broken.End;
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            throw;
        }
        catch (HttpRequestException unreachable)
        {
            return new WatchEnd(EndReason.Unreachable, $"no answer ({Words(unreachable)})");
        }
        catch (IOException reset)
        {
            return new WatchEnd(EndReason.Reset, $"the connection broke ({Words(reset)})");
        }
        catch (Exception unexpected)
        {
            // Credentials that cannot be read, or a mistake of ours: no reason to be silent for ever after.
            Unexpected(_target, unexpected);
            return new WatchEnd(EndReason.Refused, $"{unexpected.GetType().Name}: {Words(unexpected)}");
        }
    }

    private async Task<(string Version, List<(ObjectMeta Meta, T Value)> All)> ListAsync(CancellationToken stopping)
    {
        var all = new List<(ObjectMeta, T)>();
        Page? page = null;
        do
        {
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(stopping);
            deadline.CancelAfter(_timings.PageDeadline);
            try
            {
                using var answer = await _transport.GetAsync(_target.ListUri(_pageSize, page?.Next), deadline.Token);
                await RequireSuccess(answer, deadline.Token);
                await using var body = await answer.Content.ReadAsStreamAsync(deadline.Token);
                page = await Page.ReadAsync(body, _timings.MaxPage, Take, deadline.Token);
            }
            catch (OperationCanceledException late) when (!stopping.IsCancellationRequested)
            {
                throw new WatchEndedException(
                    EndReason.Stalled, $"a page of the list did not end within {_timings.PageDeadline.TotalSeconds:0.#} s", late);
            }
            catch (WatchEndedException large) when (large.End.Reason == EndReason.Oversized && _pageSize > 1)
            {
                _pageSize /= 2;
                throw;
            }
            Health.Proven();
        }
        while (page.Next is not null);
        return (page.Version, all);

        void Take(JsonElement item)
        {
            if (ObjectMeta.Read(item) is { } meta && (Project(item, meta) is { } value ? (meta, value) : _store.Find(meta)) is { } read)
            {
                all.Add(read);
            }
        }
    }

    private async Task<WatchEnd> WatchAsync(string version, CancellationToken stopping)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        deadline.CancelAfter(_timings.AnswerDeadline);
        try
        {
            using var answer = await _transport.GetAsync(_target.WatchUri(version, ServerTimeout()), deadline.Token);
            await RequireSuccess(answer, deadline.Token);
            await using var body = await answer.Content.ReadAsStreamAsync(deadline.Token);
            using var lines = new LineReader(body, _timings.MaxLine);
            var begun = _time.GetTimestamp();
            for (var told = false; ; told = true)
            {
                Watching(healthy: told);
                deadline.CancelAfter(_timings.ReadDeadline);
                var line = await NextAsync(lines, deadline.Token);
                // Whoever takes the event in may take its time; that is judged by IsTurning.
                deadline.CancelAfter(Timeout.InfiniteTimeSpan);
                Health.Proven();
                if (line is not { } text)
                {
                    var healthy = told || _time.GetElapsedTime(begun) >= _timings.Healthy;
                    Watching(healthy);
                    return healthy
                        ? new WatchEnd(EndReason.Closed, "its time was over")
                        : new WatchEnd(EndReason.Empty, "the server ended the watch at once, without a word");
                }
                await HandleAsync(text, stopping);
            }
        }
        catch (OperationCanceledException late) when (!stopping.IsCancellationRequested)
        {
            throw new WatchEndedException(EndReason.Silent, "the connection is open and nothing comes, not even a bookmark", late);
        }
    }

    /// <summary>The next line; null at the end, be it announced or not: servers end quiet watches both ways.</summary>
    private static async ValueTask<ReadOnlyMemory<byte>?> NextAsync(LineReader lines, CancellationToken cancellation)
    {
        try
        {
            return await lines.ReadAsync(cancellation);
        }
        catch (HttpIOException end) when (end.HttpRequestError == HttpRequestError.ResponseEnded)
        {
            return null;
        }
    }

    private async ValueTask HandleAsync(ReadOnlyMemory<byte> line, CancellationToken stopping)
    {
        var (type, meta, value) = WatchLine.Read(line, _target, Project);
        if (type == WatchLineType.Deleted)
        {
            await Hand(() => _store.Remove(meta, stopping), stopping);
        }
        else if (value is not null)
        {
            await Hand(() => _store.Upsert(meta, value, stopping), stopping);
        }
        _version = meta.ResourceVersion;
    }

    private async Task RequireSuccess(HttpResponseMessage answer, CancellationToken cancellation)
    {
        if (!answer.IsSuccessStatusCode)
        {
            throw new WatchEndedException(await Answers.ExplainAsync(answer, _target, cancellation));
        }
    }

    /// <summary>Null when the object cannot be read as what it should be; then what was known of it stands.</summary>
    private T? Project(JsonElement source, ObjectMeta meta)
    {
        try
        {
            return _project(source, meta);
        }
        catch (Exception unreadable) when (unreadable is InvalidOperationException or FormatException or KeyNotFoundException or JsonException)
        {
            Unreadable(_target, meta.Namespace, meta.Name, unreadable.Message);
            return null;
        }
    }

    private async ValueTask Hand(Func<ValueTask> take, CancellationToken stopping)
    {
        try
        {
            await take();
        }
        catch (Exception failed) when (!stopping.IsCancellationRequested)
        {
            SinkFailed(_target, failed);
            throw new WatchEndedException(EndReason.Handler, $"taking in an event failed ({failed.GetType().Name}: {Words(failed)})", failed);
        }
    }

    private TimeSpan ServerTimeout() => _timings.ServerTimeout * (1 - (Random.Shared.NextDouble() / 4));

    private static string Words(Exception exception) =>
        Fleet.Checks.Line(exception.InnerException is { } inner ? $"{exception.Message} {inner.Message}" : exception.Message, 300);
}
