using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using SessionOperator.Operator.Housekeeping.Leases;

namespace SessionOperator.Operator.Tests.Housekeeping;

/// <summary>Candidates for one lease on a clock that the test turns. After every step it is checked that at most one holds it.</summary>
internal sealed class Election : IAsyncDisposable
{
    private static readonly TimeSpan s_step = TimeSpan.FromMilliseconds(200);
    private readonly List<One> _all = [];
    private SharedLease? _lease;

    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero));

    public SharedLease Lease => _lease ??= new SharedLease(Time);

    /// <summary>Seconds since the test began, by the clock of the test.</summary>
    public double Now => (Time.GetUtcNow() - new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero)).TotalSeconds;

    public async Task<One> Start(string name, Func<Term, Task>? work = null)
    {
        var one = new One(this, name, work);
        _all.Add(one);
        await one.Candidate.StartAsync(CancellationToken.None);
        return one;
    }

    /// <summary>Lets time pass until it is so; the seconds that took.</summary>
    public async Task<double> Until(Func<bool> holds, double atMost)
    {
        var start = Now;
        while (!holds())
        {
            Assert.True(Now - start < atMost, $"not so after {Now - start:0.0} s; the lease says {Lease.Stored}");
            await Step();
        }
        return Now - start;
    }

    public async Task Pass(double seconds)
    {
        for (var end = Now + seconds; Now < end;)
        {
            await Step();
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var one in _all)
        {
            one.Way.Fault = Fault.None;
            await one.Candidate.StopAsync(CancellationToken.None);
            one.Candidate.Dispose();
        }
    }

    private async Task Step()
    {
        Time.Advance(s_step);
        // Lets the loops do what is due; a loop that is late for it only makes things happen later.
        await Task.Delay(2, CancellationToken.None);
        var holders = _all.Where(one => one.Candidate.Holds).Select(one => one.Name).ToList();
        Assert.True(holders.Count <= 1, $"{string.Join(" and ", holders)} hold it at {Now:0.0} s");
    }

    internal sealed class One
    {
        private int _working;

        public One(Election election, string name, Func<Term, Task>? work)
        {
            (Name, Way) = (name, election.Lease.By());
            Candidate = new Candidate(Way, name, work ?? Work, new LeaseTimings(), election.Time, NullLogger.Instance);
        }

        public string Name { get; }

        public SharedLease.Way Way { get; }

        public Candidate Candidate { get; }

        public bool Works => Volatile.Read(ref _working) > 0;

        private async Task Work(Term term)
        {
            Interlocked.Increment(ref _working);
            try
            {
                await Task.Delay(Timeout.Infinite, term.Over);
            }
            finally
            {
                Interlocked.Decrement(ref _working);
            }
        }
    }
}
