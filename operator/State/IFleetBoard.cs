using SessionOperator.Operator.Api;

namespace SessionOperator.Operator.State;

/// <summary>What one replica writes: entries to put and, where null, to remove, and what is shown of all replicas together.</summary>
/// <param name="Fleet">By replica; no other entry is touched.</param>
/// <param name="Summary">Null when somebody else writes it.</param>
public sealed record FleetUpdate(IReadOnlyDictionary<string, FleetEntry?> Fleet, FleetSummary? Summary);

/// <summary>All replicas together.</summary>
/// <param name="Sidecars">Connected.</param>
/// <param name="Unsaved">Session changes that the database has not seen.</param>
/// <param name="LastOutage">Null when there was none.</param>
public sealed record FleetSummary(int Sidecars, ulong Unsaved, LastOutage? LastOutage);

/// <summary>Where replicas tell each other of their sidecars.</summary>
public interface IFleetBoard
{
    /// <summary>This replica's name, unique among those that run.</summary>
    string Self { get; }

    /// <summary>The newest that is known; null when nothing is.</summary>
    SessionDatabaseStatus? Newest(string database);

    /// <summary>Done when it is written and <see cref="Newest"/> shows it, and all that was written before it.</summary>
    /// <exception cref="DecisionStoreUnavailableException"/>
    Task WriteAsync(string database, FleetUpdate update, CancellationToken cancellation);

    /// <summary>Calls back, on any thread and quickly, after every change by anyone. Dispose to end.</summary>
    IDisposable Subscribe(string database, Action changed);
}
