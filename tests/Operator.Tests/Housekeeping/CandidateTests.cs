using SessionOperator.Operator.Housekeeping.Leases;

namespace SessionOperator.Operator.Tests.Housekeeping;

public sealed class CandidateTests : IAsyncDisposable
{
    private readonly Election _election = new();

    public ValueTask DisposeAsync() => _election.DisposeAsync();

    private async Task<(Election.One Holder, Election.One Other)> Two()
    {
        var first = await _election.Start("a");
        await _election.Until(() => first.Works, 5);
        var second = await _election.Start("b");
        await _election.Pass(5);
        Assert.False(second.Works);
        return (first, second);
    }

    [Fact]
    public async Task Who_stops_releases_it_and_the_other_need_not_wait()
    {
        var (first, second) = await Two();
        await first.Candidate.StopAsync(TestContext.Current.CancellationToken);
        Assert.False(first.Works);
        Assert.Equal("", _election.Lease.Stored!.Record.Holder);
        Assert.InRange(await _election.Until(() => second.Works, 10), 0, 6);
        Assert.Equal(("b", 1), (_election.Lease.Stored.Record.Holder, _election.Lease.Stored.Record.Transitions));
    }

    [Theory]
    [InlineData(Fault.Unavailable)]
    [InlineData(Fault.Hang)]
    public async Task Who_cannot_renew_ends_by_its_own_clock_before_the_other_begins(Fault fault)
    {
        var (first, second) = await Two();
        first.Way.Fault = fault;
        Assert.InRange(await _election.Until(() => !first.Candidate.Holds, 11), 7, 10.3);
        await _election.Until(() => !first.Works, 2);
        Assert.False(second.Works);
        await _election.Until(() => second.Works, 15);
        // Back again, it finds the other one there.
        first.Way.Fault = Fault.None;
        await _election.Pass(20);
        Assert.True(second.Works);
        Assert.False(first.Works);
    }

    [Fact]
    public async Task Who_was_killed_is_waited_for_for_the_whole_duration_and_no_longer()
    {
        var (first, second) = await Two();
        // Killed: it renews no more, and nobody released it.
        first.Way.Fault = Fault.Hang;
        Assert.InRange(await _election.Until(() => second.Works, 30), 13, 22);
    }

    [Fact]
    public async Task A_renewal_that_came_in_time_keeps_it()
    {
        var (first, _) = await Two();
        for (var i = 0; i < 5; i++)
        {
            first.Way.Fault = Fault.Unavailable;
            await _election.Pass(6);
            first.Way.Fault = Fault.None;
            await _election.Pass(5);
        }
        Assert.True(first.Works);
        Assert.Equal(0, _election.Lease.Stored!.Record.Transitions);
    }

    [Fact]
    public async Task A_lost_answer_to_a_renewal_does_no_harm()
    {
        var (first, _) = await Two();
        first.Way.Fault = Fault.LostAnswer;
        await _election.Pass(5);
        first.Way.Fault = Fault.None;
        await _election.Pass(20);
        Assert.True(first.Works);
    }

    [Fact]
    public async Task A_lease_whose_taking_was_not_answered_counts_from_the_next_write()
    {
        var one = await _election.Start("a");
        one.Way.Fault = Fault.LostAnswer;
        await _election.Until(() => _election.Lease.Stored is not null, 10);
        await _election.Pass(3);
        Assert.False(one.Works);
        one.Way.Fault = Fault.None;
        await _election.Until(() => one.Works, 10);
        Assert.Equal(0, _election.Lease.Stored!.Record.Transitions);
    }

    [Fact]
    public async Task Who_finds_another_holder_ends_at_once()
    {
        var (first, _) = await Two();
        _election.Lease.Overwrite(record => record with { Holder = "somebody" });
        Assert.InRange(await _election.Until(() => !first.Works, 10), 0, 5);
    }

    [Fact]
    public async Task A_label_put_on_the_lease_takes_it_from_nobody()
    {
        var (first, _) = await Two();
        for (var i = 0; i < 5; i++)
        {
            _election.Lease.Overwrite(record => record);
            await _election.Pass(3);
            Assert.True(first.Works);
        }
    }

    [Fact]
    public async Task Work_that_fails_is_given_to_another()
    {
        var failing = await _election.Start("a", _ => throw new InvalidOperationException("scripted"));
        await _election.Until(() => _election.Lease.Stored?.Record.Holder == "", 10);
        var other = await _election.Start("b");
        Assert.InRange(await _election.Until(() => other.Works, 10), 0, 6);
        Assert.False(failing.Candidate.Holds);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Whatever_happens_to_whose_requests_at_most_one_holds_it(int seed)
    {
        var chance = new Random(seed);
        Election.One[] all = [await _election.Start("a"), await _election.Start("b"), await _election.Start("c")];
        for (var i = 0; i < 16; i++)
        {
            foreach (var one in all)
            {
                one.Way.Fault = chance.Next(2) == 0 ? (Fault)chance.Next(4) : one.Candidate.Holds ? Fault.Hang : Fault.None;
            }
            // Each step checks it.
            await _election.Pass(chance.Next(4, 24));
        }
        // And once the faults are over one of them works, and when that is cut off another one does.
        Array.ForEach(all, one => one.Way.Fault = Fault.None);
        await _election.Until(() => all.Any(one => one.Works), 40);
        var holder = all.Single(one => one.Works);
        holder.Way.Fault = Fault.Hang;
        await _election.Until(() => all.Any(one => one != holder && one.Works), 40);
    }

    [Fact]
    public void A_term_that_is_over_cannot_be_renewed()
    {
        using var term = new Term(_election.Time, TimeSpan.FromSeconds(10), _election.Time.GetTimestamp());
        _election.Time.Advance(TimeSpan.FromSeconds(9));
        Assert.True(term.Renew(_election.Time.GetTimestamp()));
        _election.Time.Advance(TimeSpan.FromSeconds(9));
        Assert.True(term.Holds);
        _election.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.False(term.Holds);
        Assert.True(term.Over.IsCancellationRequested);
        Assert.False(term.Renew(_election.Time.GetTimestamp()));
        Assert.False(term.Holds);
    }
}
