using System.Threading.Channels;
using SessionOperator.Operator.Api;
using SessionOperator.Operator.Housekeeping.Events;
using SessionOperator.Operator.Housekeeping.Leases;
using SessionOperator.Operator.Kubernetes;

namespace SessionOperator.Operator.Housekeeping;

/// <summary>
/// What only one replica should do, for as long as its term lasts: tell people of transitions. It decides nothing, and
/// nothing that decides waits for it.
/// </summary>
public sealed class Housekeeper(SessionDatabases databases, EventWriter events, TimeProvider time)
{
    /// <summary>A decision made while nobody did the housekeeping is told by who comes next, if it is not older.</summary>
    private static readonly TimeSpan s_newsFor = TimeSpan.FromMinutes(10);

    public async Task Work(Term term)
    {
        var changes = Channel.CreateUnbounded<SessionDatabaseChange>(new UnboundedChannelOptions { SingleReader = true });
        using var subscription = databases.Subscribe(change => changes.Writer.TryWrite(change));
        foreach (var database in databases.All)
        {
            Tell(null, database, term);
        }
        await foreach (var change in changes.Reader.ReadAllAsync(term.Over))
        {
            if (change.After is { } after)
            {
                Tell(change.Before, after, term);
            }
        }
    }

    private void Tell(SessionDatabase? before, SessionDatabase after, Term term)
    {
        foreach (var note in TransitionNotes.Between(before, after, time.GetUtcNow(), s_newsFor))
        {
            events.Post(note with { Until = term.Over });
        }
    }
}
