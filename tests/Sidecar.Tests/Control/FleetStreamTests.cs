using System.Net;
using System.Net.Sockets;
using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Control;
using SessionOperator.Sidecar.Journal;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Sidecar.Tests.Control;

public class FleetStreamTests
{
    private static Decision Decision(ulong epoch, Mode mode, uint leaseMs = 10_000, uint fleet = 2) =>
        new() { Epoch = epoch, Mode = mode, LeaseMs = leaseMs, Fleet = fleet, Fallback = Mode.Cache, LastNormalEpoch = 1 };

    [Fact]
    public async Task A_sidecar_says_who_it_is_and_obeys()
    {
        await using var rig = await FleetRig.StartAsync();
        var stream = await rig.Operator.Streams.NextAsync();
        Assert.Equal((1U, "shop/orders", "web-1", "1.2.3"), (stream.Hello.Protocol, stream.Hello.Database, stream.Hello.Pod, stream.Hello.Version));
        Assert.Equal(("instance", 0UL, Mode.Normal), (stream.Hello.Instance, stream.Hello.Epoch, stream.Hello.Mode));
        Assert.NotNull(stream.Hello.Status);
        await stream.Say(Decision(4, Mode.Cache));
        await Eventually.True(() => rig.Mode.State.Mode == Mode.Cache);
        await Eventually.True(() => stream.Acks.SequenceEqual([4UL]));
        Assert.True(rig.Fleet.Connected);
    }

    [Fact]
    public async Task A_renewal_is_not_acked_again_and_a_newer_epoch_is()
    {
        await using var rig = await FleetRig.StartAsync();
        var stream = await rig.Operator.Streams.NextAsync();
        await stream.Say(Decision(4, Mode.Cache));
        await Eventually.True(() => stream.Acks.Any());
        await stream.Say(Decision(4, Mode.Cache));
        await stream.Say(Decision(5, Mode.Normal));
        await Eventually.True(() => stream.Acks.SequenceEqual([4UL, 5UL]));
    }

    [Fact]
    public async Task An_older_epoch_is_neither_obeyed_nor_acked()
    {
        await using var rig = await FleetRig.StartAsync();
        var stream = await rig.Operator.Streams.NextAsync();
        await stream.Say(Decision(4, Mode.Cache));
        await Eventually.True(() => stream.Acks.Any());
        await stream.Say(Decision(3, Mode.Normal));
        // Messages come in order: what is said next having arrived, so has the older epoch, and its ack would be next.
        var renewal = Decision(4, Mode.Cache);
        renewal.Reason = "renewed";
        await stream.Say(renewal);
        await Eventually.True(() => rig.Mode.State.Decision!.Reason == "renewed");
        rig.Status = new Status { Unsaved = 78 };
        await Eventually.True(() => stream.Received.Any(m => m.Status?.Unsaved == 78));
        Assert.Equal([4UL], stream.Acks);
        await stream.Say(Decision(5, Mode.SkipSave));
        await Eventually.True(() => stream.Acks.SequenceEqual([4UL, 5UL]));
        Assert.Equal(Mode.SkipSave, rig.Mode.State.Mode);
    }

    [Fact]
    public async Task Drain_is_acked_only_when_the_journal_is_published()
    {
        await using var rig = await FleetRig.StartAsync();
        var stream = await rig.Operator.Streams.NextAsync();
        await stream.Say(Decision(4, Mode.Drain));
        await Eventually.True(() => rig.Publishing);
        Assert.Equal(Mode.Drain, rig.Mode.State.Mode);
        // A status that arrives shows that an ack would have.
        rig.Status = new Status { Unsaved = 77 };
        await Eventually.True(() => stream.Received.Any(m => m.Status?.Unsaved == 77));
        Assert.Empty(stream.Acks);
        rig.Published.SetResult();
        await Eventually.True(() => stream.Acks.SequenceEqual([4UL]));
    }

    [Fact]
    public async Task Other_modes_are_acked_without_publishing()
    {
        await using var rig = await FleetRig.StartAsync();
        var stream = await rig.Operator.Streams.NextAsync();
        await stream.Say(Decision(4, Mode.Cache));
        await Eventually.True(() => stream.Acks.Any());
        Assert.False(rig.Publishing);
    }

    [Fact]
    public async Task Evidence_and_changed_status_are_sent()
    {
        await using var rig = await FleetRig.StartAsync();
        rig.Fleet.Send(new Evidence { Detail = "before anybody listened" });
        var stream = await rig.Operator.Streams.NextAsync();
        await stream.Say(Decision(1, Mode.Normal));
        await Eventually.True(() => rig.Fleet.Connected);
        rig.Fleet.Send(new Evidence { Verdict = Verdict.ReadOnly, Detail = "25006" });
        rig.Status = new Status { Unsaved = 5 };
        await Eventually.True(() => stream.Received.Any(m => m.Status?.Unsaved == 5));
        Assert.Equal("25006", Assert.Single(stream.Received, m => m.Evidence is not null).Evidence.Detail);
    }

    [Fact]
    public async Task The_operator_orders_probes()
    {
        await using var rig = await FleetRig.StartAsync();
        var stream = await rig.Operator.Streams.NextAsync();
        var decision = Decision(1, Mode.Normal);
        decision.ProbeIntervalMs = 250;
        await stream.Say(decision);
        await Eventually.True(() => rig.Orders.Contains((TimeSpan.FromMilliseconds(250), false)));
        decision.ProbeNow = 1;
        await stream.Say(decision);
        await Eventually.True(() => rig.Orders.Contains((TimeSpan.FromMilliseconds(250), true)));
    }

    [Fact]
    public async Task A_broken_stream_is_opened_again_with_at_most_two_seconds_between_tries_and_what_is_in_force_stays()
    {
        await using var rig = await FleetRig.StartAsync();
        var stream = await rig.Operator.Streams.NextAsync();
        await stream.Say(Decision(4, Mode.Cache, leaseMs: 60_000));
        await Eventually.True(() => stream.Acks.Any());
        var last = stream.OpenedAt;
        for (var i = 0; i < 4; i++)
        {
            stream.End();
            stream = await rig.Operator.Streams.NextAsync(2.5);
            Assert.Equal((4UL, Mode.Cache, 1UL), (stream.Hello.Epoch, stream.Hello.Mode, stream.Hello.LastNormalEpoch));
            Assert.Equal(Mode.Cache, rig.Mode.State.Mode);
        }

        await stream.Say(Decision(4, Mode.Cache));
        await Eventually.True(() => stream.Acks.SequenceEqual([4UL]));
        Assert.True(stream.OpenedAt > last);
    }

    [Fact]
    public async Task An_operator_that_was_away_is_found_again_within_two_seconds_of_its_return()
    {
        await using var rig = await FleetRig.StartAsync();
        await rig.Operator.Streams.NextAsync();
        var port = new Uri(rig.Operator.Address).Port;
        await rig.Operator.DisposeAsync();
        // Enough of them for the pauses to have grown to their longest; each try may be two connections.
        var tries = await TriesAsync(port, 14);
        var pauses = tries.Zip(tries.Skip(1), (one, next) => (next - one).TotalSeconds).ToList();
        Assert.InRange(pauses.Max(), 0.8, 2.7);
        await using var back = await FakeOperator.StartAsync(port);
        var stream = await back.Streams.NextAsync(3);
        await stream.Say(Decision(1, Mode.Cache));
        await Eventually.True(() => stream.Acks.Any());
        // Once an outage, not once a try.
        Assert.Single(rig.Log, l => l.Contains("cannot be reached", StringComparison.Ordinal));
    }

    // When somebody tried to connect to a port where no operator is.
    private static async Task<List<TimeSpan>> TriesAsync(int port, int count)
    {
        using var listener = new TcpListener(IPAddress.Loopback, port);
        listener.Start();
        var tries = new List<TimeSpan>();
        while (tries.Count < count)
        {
            using var _ = await listener.AcceptSocketAsync();
            tries.Add(ModeController.Now);
        }

        return tries;
    }

    [Fact]
    public async Task An_operator_that_says_nothing_for_a_lease_is_left_and_asked_again()
    {
        await using var rig = await FleetRig.StartAsync();
        var stream = await rig.Operator.Streams.NextAsync();
        await stream.Say(Decision(1, Mode.Cache, leaseMs: 500));
        await Eventually.True(() => rig.Mode.State.Autonomous);
        Assert.Equal(Mode.Cache, rig.Mode.State.Mode);
        stream = await rig.Operator.Streams.NextAsync(5);
        await stream.Say(Decision(1, Mode.Cache));
        await Eventually.True(() => !rig.Mode.State.Autonomous);
    }

    [Theory]
    [InlineData("unsupported_protocol", "this operator speaks protocol 2")]
    [InlineData("unknown_database", "no SessionDatabase shop/orders")]
    public async Task A_refusal_is_logged_changes_nothing_and_is_not_the_end(string code, string message)
    {
        await using var rig = await FleetRig.StartAsync();
        var stream = await rig.Operator.Streams.NextAsync();
        rig.Mode.Obey(new Held(3, Phase.Unwritable, Mode.Cache, "", ModeController.Now + TimeSpan.FromMinutes(1), false, 1, 1, Mode.Cache));
        await stream.Say(new FromOperator { Refusal = new Refusal { Code = code, Message = message } });
        var again = await rig.Operator.Streams.NextAsync(6);
        Assert.Contains(rig.Log, l => l.Contains(code, StringComparison.Ordinal) && l.Contains(message, StringComparison.Ordinal));
        Assert.Equal(Mode.Cache, rig.Mode.State.Mode);
        // Tried again later, and not in a hurry.
        Assert.InRange((again.OpenedAt - stream.OpenedAt).TotalSeconds, 2, 5);
    }

    [Fact]
    public async Task A_message_of_a_later_version_is_stepped_over()
    {
        await using var rig = await FleetRig.StartAsync();
        var stream = await rig.Operator.Streams.NextAsync();
        await stream.Say(new FromOperator());
        await stream.Say(Decision(2, Mode.Cache));
        await Eventually.True(() => stream.Acks.SequenceEqual([2UL]));
    }

    /// <summary>A stream with a mode controller and journal of its own, and the operator it talks to.</summary>
    private sealed class FleetRig : IAsyncDisposable
    {
        private readonly TempDirectory _directory = new();
        private readonly CancellationTokenSource _stopping = new();
        private readonly SessionJournal _journal;
        private readonly ListLogger _logger = new();
        private readonly Task _running;

        private FleetRig(FakeOperator @operator)
        {
            Operator = @operator;
            _journal = SessionJournal.Open(_directory["journal"], _logger);
            Mode = new ModeController(new ModePage(_directory["mode"], TimeSpan.FromSeconds(1)), _journal, () => 1, false, _logger);
            Fleet = new FleetStream(new FleetChannel(Operator.Address), new Identity("shop/orders", "web-1", "instance", "1.2.3"), Mode, () => Status, PublishAsync, _logger)
            {
                OnProbeOrder = (interval, now) => { lock (Orders) { Orders.Add((interval, now)); } },
            };
            _running = Fleet.RunAsync(_stopping.Token);
        }

        public FakeOperator Operator { get; }
        public ModeController Mode { get; }
        public FleetStream Fleet { get; }
        public Status Status { get; set; } = new();
        public bool Publishing { get; private set; }
        public TaskCompletionSource Published { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
        public HashSet<(TimeSpan, bool)> Orders { get; } = [];
        public IEnumerable<string> Log => _logger.Lines;

        public static async Task<FleetRig> StartAsync() => new(await FakeOperator.StartAsync());

        public async ValueTask DisposeAsync()
        {
            await _stopping.CancelAsync();
            await _running;
            Mode.Dispose();
            await _journal.DisposeAsync();
            await Operator.DisposeAsync();
            _stopping.Dispose();
            _directory.Dispose();
        }

        private Task PublishAsync()
        {
            Publishing = true;
            return Published.Task;
        }
    }
}
