namespace SessionOperator.Operator.Housekeeping.Leases;

/// <summary>
/// Runs a piece of work in one replica at a time: in the one that holds the lease, for as long as it does. When the lease
/// is lost, or cannot be renewed in time, the work is told to end before another replica may begin it. Released on shutdown.
/// </summary>
/// <param name="store">Where the lease is.</param>
/// <param name="me">Unique to this process.</param>
/// <param name="work">What to run. It has to end soon after its term; if it ends before, the lease is given up for a while.</param>
/// <param name="timings">How long what holds.</param>
/// <param name="time">Our own clock.</param>
/// <param name="log">One line when the lease comes or goes.</param>
public sealed partial class Candidate(
    ILeaseStore store, string me, Func<Term, Task> work, LeaseTimings timings, TimeProvider time, ILogger log) : BackgroundService
{
    private static readonly TimeSpan s_farewell = TimeSpan.FromSeconds(1);
    private StoredLease? _seen;
    private long _seenSince = time.GetTimestamp();
    private bool _reached = true;
    private Term? _term;

    /// <summary>This replica may do the work now.</summary>
    public bool Holds => Volatile.Read(ref _term)?.Holds == true;

    /// <summary>A name that no other process has, and that says which pod it is.</summary>
    public static string NameOf(string pod) => $"{pod}_{Guid.NewGuid():n}";

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (true)
            {
                if (await TryTake(stoppingToken) is { } term)
                {
                    using (term)
                    {
                        await Serve(term, stoppingToken);
                    }
                }
                await Pause(stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Told to stop.
        }
        await Release();
    }

    /// <summary>Null while it is somebody else's, or cannot be had.</summary>
    private async Task<Term?> TryTake(CancellationToken stopping)
    {
        try
        {
            See(await store.ReadAsync(stopping));
            if (LeasePlan.IsFree(_seen, me, time.GetElapsedTime(_seenSince)))
            {
                var sent = time.GetTimestamp();
                if (await store.TryWriteAsync(_seen?.Version, LeasePlan.Take(_seen, me, timings, time.GetUtcNow()), stopping) is { } taken)
                {
                    See(taken);
                    return new Term(time, timings.Held, sent);
                }
            }
        }
        catch (LeaseUnavailableException away) when (!stopping.IsCancellationRequested)
        {
            Away(away);
        }
        return null;
    }

    /// <summary>Runs the work and renews until either ends.</summary>
    private async Task Serve(Term term, CancellationToken stopping)
    {
        Volatile.Write(ref _term, term);
        Began(me);
        var running = Run(term);
        var (why, resigned) = ("this replica stops", false);
        try
        {
            while (term.Holds && !running.IsCompleted)
            {
                await Task.WhenAny(Pause(term.Over, stopping), running);
                stopping.ThrowIfCancellationRequested();
                if (term.Holds && !running.IsCompleted && !await Renew(term, stopping))
                {
                    why = $"{(_seen is { Record.Holder.Length: > 0 } other ? other.Record.Holder : "nobody")} holds it now";
                    return;
                }
            }
            resigned = term.Holds;
            why = resigned ? "its work has ended" : $"it could not be renewed for {timings.Held.TotalSeconds:0.#} s";
        }
        finally
        {
            await term.EndAsync();
            Volatile.Write(ref _term, null);
            await running;
            Ended(me, why);
        }
        if (resigned)
        {
            // Ours to mend, and perhaps not wrong elsewhere.
            await Release();
            await Task.Delay(timings.Duration, time, stopping);
        }
    }

    /// <summary>False when it is lost for certain. An answer that does not come leaves that open, until the term ends by itself.</summary>
    private async Task<bool> Renew(Term term, CancellationToken stopping)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(term.Over, stopping);
        try
        {
            var sent = time.GetTimestamp();
            if (await store.TryWriteAsync(_seen!.Version, LeasePlan.Renew(_seen.Record, time.GetUtcNow()), either.Token) is { } renewed)
            {
                See(renewed);
                term.Renew(sent);
                return true;
            }
            // Somebody wrote: another holder, or only a label, or we ourselves and the answer was lost.
            See(await store.ReadAsync(either.Token));
            return _seen?.Record.Holder == me;
        }
        catch (OperationCanceledException) when (term.Over.IsCancellationRequested)
        {
            return true;
        }
        catch (LeaseUnavailableException away) when (!stopping.IsCancellationRequested)
        {
            Away(away);
            return true;
        }
    }

    private async Task Run(Term term)
    {
        try
        {
            await work(term);
        }
        catch (OperationCanceledException) when (term.Over.IsCancellationRequested)
        {
            // Its term is over.
        }
        catch (Exception mistake)
        {
            Failed(mistake);
        }
    }

    /// <summary>Who stops lets the next one begin at once. When that fails, the next one waits.</summary>
    private async Task Release()
    {
        if (_seen is not { } held || held.Record.Holder != me)
        {
            return;
        }
        using var deadline = new CancellationTokenSource(s_farewell);
        try
        {
            See(await store.TryWriteAsync(held.Version, LeasePlan.Release(held.Record, time.GetUtcNow()), deadline.Token));
        }
        catch (Exception away) when (away is LeaseUnavailableException or OperationCanceledException)
        {
            NotReleased(away.Message, timings.Duration.TotalSeconds);
        }
    }

    private void See(StoredLease? lease)
    {
        if (!_reached)
        {
            _reached = true;
            Back();
        }
        if (lease?.Version != _seen?.Version)
        {
            _seenSince = time.GetTimestamp();
        }
        _seen = lease;
    }

    private void Away(LeaseUnavailableException away)
    {
        if (_reached)
        {
            Gone(away.Message);
        }
        _reached = false;
    }

    private Task Pause(CancellationToken cancellation) =>
        Task.Delay(timings.Retry * (1 - (Random.Shared.NextDouble() / 5)), time, cancellation);

    private async Task Pause(CancellationToken over, CancellationToken stopping)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(over, stopping);
        await Task.Delay(timings.Retry, time, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    [LoggerMessage(EventId = 80, Level = LogLevel.Information, Message = "This replica does the housekeeping from now on (lease held by {Me})")]
    private partial void Began(string me);

    [LoggerMessage(EventId = 81, Level = LogLevel.Information, Message = "This replica no longer does the housekeeping ({Me}): {Why}")]
    private partial void Ended(string me, string why);

    [LoggerMessage(EventId = 82, Level = LogLevel.Warning, Message = "The housekeeping's lease cannot be had ({Why}); decisions go on, events and conditions wait")]
    private partial void Gone(string why);

    [LoggerMessage(EventId = 83, Level = LogLevel.Information, Message = "The housekeeping's lease can be had again")]
    private partial void Back();

    [LoggerMessage(EventId = 84, Level = LogLevel.Error, Message = "The housekeeping ended by a mistake of ours; another replica may try")]
    private partial void Failed(Exception mistake);

    [LoggerMessage(EventId = 85, Level = LogLevel.Information, Message = "The housekeeping's lease was not released ({Why}); the next replica waits {Seconds} s for it")]
    private partial void NotReleased(string why, double seconds);
}
