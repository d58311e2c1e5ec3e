using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Prometheus;
using SessionOperator.Operator.Certificates;

namespace SessionOperator.Operator.Tests.Certificates;

public sealed class CertificateKeeperTests : IDisposable
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly MemoryStore _store = new();

    private readonly List<Replica> _started = [];

    private Replica Start()
    {
        _started.Add(new Replica(_store, _time));
        return _started[^1];
    }

    public void Dispose() => _started.ForEach(replica => replica.Dispose());

    [Fact]
    public async Task Replicas_that_start_at_once_serve_what_one_of_them_made()
    {
        Replica one = Start(), two = Start(), three = Start();
        // The second writes while the first is about to.
        _store.BeforeWrite = () => two.Turn().Wait(TestContext.Current.CancellationToken);
        await one.Turn();
        await three.Turn();
        Assert.Equal(1, _store.Writes);
        Assert.NotEmpty(one.Served.Pem);
        Assert.Equal([one.Served.Pem, one.Served.Pem], [two.Served.Pem, three.Served.Pem]);
        Assert.Equal(one.Thumbprint, two.Thumbprint);
        Assert.Equal([0d, 1d, 0d], [one.Signed, two.Signed, three.Signed]);
    }

    [Fact]
    public async Task Through_years_of_rotations_replicas_that_race_agree_and_each_step_is_written_once()
    {
        Replica[] replicas = [Start(), Start(), Start()];
        var served = new HashSet<string>();
        for (var step = 0; step < 3 * 365; step++)
        {
            var first = replicas[step % 3];
            var rival = replicas[(step + 1) % 3];
            _store.BeforeWrite = () => rival.Turn().Wait(TestContext.Current.CancellationToken);
            foreach (var replica in new[] { first, rival, replicas[(step + 2) % 3] })
            {
                await replica.Turn();
            }
            Assert.Single(replicas.Select(replica => replica.Thumbprint).Distinct());
            Assert.Single(replicas.Select(replica => replica.Served.Pem).Distinct());
            Assert.All(replicas, replica => Assert.True(replica.Served.IsReady));
            served.Add(first.Thumbprint);
            _time.Advance(TimeSpan.FromDays(1));
        }
        Assert.Equal(served.Count, replicas.Sum(replica => replica.Signed));
        Assert.InRange(served.Count, 50, 60);
    }

    [Fact]
    public async Task While_the_store_is_away_what_is_in_use_stays_in_use()
    {
        var replica = Start();
        _store.Away = true;
        await replica.Turn();
        Assert.False(replica.Served.IsReady);
        _store.Away = false;
        await replica.Turn();
        var (before, bundle) = (replica.Thumbprint, replica.Served.Pem);
        _store.Away = true;
        _time.Advance(TimeSpan.FromDays(25));
        await replica.Turn();
        Assert.Equal((before, bundle, true), (replica.Thumbprint, replica.Served.Pem, replica.Served.IsReady));
        // Nobody is ready with a certificate that has ended.
        _time.Advance(TimeSpan.FromDays(5));
        Assert.False(replica.Served.IsReady);
        _store.Away = false;
        await replica.Turn();
        Assert.True(replica.Served.IsReady);
        Assert.NotEqual(before, replica.Thumbprint);
    }

    [Fact]
    public async Task What_ends_when_is_exposed()
    {
        var replica = Start();
        await replica.Turn();
        Assert.Equal(_time.GetUtcNow().AddDays(30).ToUnixTimeSeconds(), replica.Metrics.Expiry.WithLabels("serving").Value);
        Assert.Equal(_time.GetUtcNow().AddDays(365).ToUnixTimeSeconds(), replica.Metrics.Expiry.WithLabels("authority").Value);
    }

    [Fact]
    public async Task Whoever_subscribed_hears_of_each_bundle_once()
    {
        var replica = Start();
        var heard = new List<string>();
        using (replica.Served.Subscribe(heard.Add))
        {
            for (var day = 0; day < 300; day++)
            {
                await replica.Turn();
                _time.Advance(TimeSpan.FromDays(1));
            }
        }
        _time.Advance(TimeSpan.FromDays(365));
        await replica.Turn();
        Assert.Equal(2, heard.Count);
        Assert.StartsWith(heard[0].Trim(), heard[1], StringComparison.Ordinal);
    }

    private sealed class Replica : IDisposable
    {
        private readonly CertificateKeeper _keeper;

        public Replica(MemoryStore store, TimeProvider time)
        {
            Served = new ServedCertificate(time);
            Metrics = new CertificateMetrics(Prometheus.Metrics.NewCustomRegistry());
            _keeper = new CertificateKeeper(store, ["a.b.svc"], new RotationTimes(), Served, Metrics, time, NullLogger.Instance);
        }

        public ServedCertificate Served { get; }

        public CertificateMetrics Metrics { get; }

        public string Thumbprint => Served.Context!.TargetCertificate.Thumbprint;

        public double Signed => Metrics.Rotations.WithLabels("serving").Value;

        public void Dispose() => _keeper.Dispose();

        public Task Turn() => _keeper.Turn(TestContext.Current.CancellationToken);
    }
}
