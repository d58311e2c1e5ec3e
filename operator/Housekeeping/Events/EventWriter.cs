using System.Threading.Channels;
using SessionOperator.Operator.Kubernetes;
using SessionOperator.Operator.Metrics;

namespace SessionOperator.Operator.Housekeeping.Events;

/// <summary>Takes notes at once and writes them as events when the API server lets it. What cannot be written is counted, and disturbs nobody.</summary>
public sealed partial class EventWriter(EventApi api, HousekeepingMetrics metrics, TimeProvider time, ILogger log) : BackgroundService
{
    private const int Room = 512;
    private const int MaxRemembered = 1000;

    /// <summary>The same of the same object within this time is one event with a count.</summary>
    private static readonly TimeSpan s_same = TimeSpan.FromMinutes(10);

    /// <summary>An event that could not be written for this long is news no more.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_longestPause = TimeSpan.FromSeconds(15);
    private readonly Channel<(Note Note, DateTimeOffset At)> _notes = Channel.CreateBounded<(Note, DateTimeOffset)>(new BoundedChannelOptions(Room) { SingleReader = true });
    private readonly EventBudget _budget = new(time);
    private readonly Dictionary<(string Uid, string Reason, string Message), Written> _written = [];
    private bool _refused;

    /// <summary>Never waits and never throws. On any thread.</summary>
    public void Post(Note note)
    {
        if (!_notes.Writer.TryWrite((note, note.At ?? time.GetUtcNow())))
        {
            metrics.Event("dropped");
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await foreach (var (note, at) in _notes.Reader.ReadAllAsync(stoppingToken))
            {
                if (!note.Until.IsCancellationRequested)
                {
                    await Write(note with { At = at }, stoppingToken);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Told to stop.
        }
    }

    private async Task Write(Note note, CancellationToken stopping)
    {
        if (!_budget.Take(note, out var leftOut))
        {
            metrics.Event("suppressed");
            return;
        }
        using var either = CancellationTokenSource.CreateLinkedTokenSource(note.Until, stopping);
        var (begun, pause) = (time.GetTimestamp(), s_firstPause);
        try
        {
            while (true)
            {
                try
                {
                    metrics.Event(await Try(note, leftOut, either.Token));
                    _refused = false;
                    return;
                }
                catch (ApiUnavailableException) when (time.GetElapsedTime(begun) < s_patience)
                {
                    await Task.Delay(pause, time, either.Token);
                    pause = pause * 2 < s_longestPause ? pause * 2 : s_longestPause;
                }
            }
        }
        catch (OperationCanceledException) when (note.Until.IsCancellationRequested && !stopping.IsCancellationRequested)
        {
            // Another replica's to write by now.
            metrics.Event("dropped");
        }
        catch (Exception failed) when (failed is ApiException or ApiUnavailableException)
        {
            metrics.Event("failed");
            if (!_refused)
            {
                _refused = true;
                Refused(note.About.ToString(), note.Reason, failed.Message);
            }
        }
    }

    private async Task<string> Try(Note note, int leftOut, CancellationToken cancellation)
    {
        var (same, now) = ((note.About.Uid, note.Reason, note.Message), time.GetUtcNow());
        if (note.Key is null && _written.TryGetValue(same, out var written) && time.GetElapsedTime(written.At) < s_same
            && await api.RepeatAsync(note, written.Name, written.Count + 1, now, cancellation))
        {
            _written[same] = written with { Count = written.Count + 1 };
            return "repeated";
        }
        var name = EventApi.NameOf(note);
        if (!await api.CreateAsync(note, name, leftOut, now, cancellation))
        {
            return "known";
        }
        if (_written.Count >= MaxRemembered)
        {
            _written.Clear();
        }
        _written[same] = new Written(name, 1, time.GetTimestamp());
        return "written";
    }

    private sealed record Written(string Name, int Count, long At);

    [LoggerMessage(EventId = 90, Level = LogLevel.Warning, Message = "Events cannot be written: {Reason} of {About} was refused ({Why})")]
    private partial void Refused(string about, string reason, string why);
}
