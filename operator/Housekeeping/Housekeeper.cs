using System.Threading.Channels;
using SessionOperator.Operator.Api;
using SessionOperator.Operator.Housekeeping.Conditions;
using SessionOperator.Operator.Housekeeping.Events;
using SessionOperator.Operator.Housekeeping.Leases;
using SessionOperator.Operator.Housekeeping.Workloads;
using SessionOperator.Operator.Kubernetes;

namespace SessionOperator.Operator.Housekeeping;

/// <summary>
/// What only one replica should do, for as long as its term lasts: tell people of transitions, and of what is right and
/// wrong. It decides nothing, and nothing that decides waits for it.
/// </summary>
/// <param name="databases">Whose transitions are told.</param>
/// <param name="events">Where to.</param>
/// <param name="conditions">Written in turns.</param>
/// <param name="workloads">Null where nothing is injected.</param>
/// <param name="time">The clock.</param>
public sealed class Housekeeper(SessionDatabases databases, EventWriter events, ConditionKeeper conditions, WorkloadKeeper? workloads, TimeProvider time)
{
    /// <summary>A decision made while nobody did the housekeeping is told by who comes next, if it is not older.</summary>
    private static readonly TimeSpan s_newsFor = TimeSpan.FromMinutes(10);

    /// <summary>Between two looks at the conditions.</summary>
    private static readonly TimeSpan s_turn = TimeSpan.FromSeconds(1);

    public Task Work(Term term) => Task.WhenAll(Transitions(term), Conditions(term), workloads?.Work(term) ?? Task.CompletedTask);

    private async Task Transitions(Term term)
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

    private async Task Conditions(Term term)
    {
        using var timer = new PeriodicTimer(s_turn, time);
        while (await timer.WaitForNextTickAsync(term.Over))
        {
            await conditions.Turn(term);
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
