using System.Diagnostics;
using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Sidecar.Tests.Handover;

/// <summary>A whole sidecar that is told to stop, and an operator played by the test.</summary>
public sealed class DepartureTests : IAsyncDisposable
{
    private readonly List<IAsyncDisposable> _open = [];

    public async ValueTask DisposeAsync()
    {
        foreach (var one in Enumerable.Reverse(_open))
        {
            await one.DisposeAsync();
        }
    }

    private static Decision Says(Mode mode, ulong epoch = 5, uint fleet = 2) => new()
    {
        Epoch = epoch,
        Mode = mode,
        LeaseMs = 60_000,
        Fleet = fleet,
        Settled = true,
        Fallback = Mode.Cache,
        LastNormalEpoch = mode == Mode.Normal ? epoch : 4,
        Relays = true,
    };

    /// <summary>A sidecar whose app has said hello and whose database and cache are away.</summary>
    private async Task<(RunningSidecar Sidecar, FakeOperator.Stream Stream)> SidecarAsync(FakeOperator fake, string pod, double grace, uint fleet = 2, Mode mode = Mode.Cache)
    {
        var sidecar = await RunningSidecar.StartAsync(@operator: fake.Address, pod: pod, graceSeconds: grace);
        _open.Add(sidecar);
        Assert.Equal("ok", await sidecar.OutcomeAsync("/v1/hello", App));
        var stream = await fake.Streams.NextAsync();
        await stream.Say(Says(mode, fleet: fleet));
        await Eventually.True(async () => sidecar.PageMode == (byte)mode && (await sidecar.StatusAsync()).GetProperty("epoch").GetUInt64() == 5);
        return (sidecar, stream);
    }

    private async Task<FakeOperator> OperatorAsync()
    {
        var fake = await FakeOperator.StartAsync();
        _open.Add(fake);
        return fake;
    }

    private Dictionary<string, object?> App { get; } = RunningSidecar.App();

    private static IEnumerable<HandoverPart> Parts(FakeOperator.Stream from) => from.Received.Where(m => m.Handover is not null).Select(m => m.Handover);

    private static IEnumerable<Status> Statuses(FakeOperator.Stream from) => from.Received.Where(m => m.Status is not null).Select(m => m.Status);

    private static async Task<HandoverPart> PartAsync(FakeOperator.Stream from, int number)
    {
        await Eventually.True(() => Parts(from).Count() > number, 15, $"part {number} of a handover");
        return Parts(from).ElementAt(number);
    }

    [Fact]
    public async Task Without_anything_unsaved_a_sidecar_in_Normal_stops_at_once_although_its_app_is_connected()
    {
        var fake = await OperatorAsync();
        var (sidecar, stream) = await SidecarAsync(fake, "a", grace: 60, mode: Mode.Normal);
        var clock = Stopwatch.StartNew();
        await sidecar.LeaveAsync();
        Assert.True(clock.Elapsed.TotalSeconds < 10, $"{clock.Elapsed}");
        Assert.Empty(Parts(stream));
    }

    [Fact]
    public async Task While_its_app_is_there_it_goes_on_answering()
    {
        var fake = await OperatorAsync();
        var (sidecar, stream) = await SidecarAsync(fake, "a", grace: 60);
        var leaving = sidecar.LeaveAsync();
        await Eventually.True(() => Statuses(stream).Any(s => s.Leaving));
        Assert.Equal("saved", await sidecar.OutcomeAsync("/v1/save", RunningSidecar.Save("a")));
        Assert.Equal("found", await sidecar.OutcomeAsync("/v1/load", new { key = "a" }));
        Assert.False(leaving.IsCompleted);

        sidecar.HangUp();
        var part = await PartAsync(stream, 0);
        await stream.Say(new FromOperator { HandoverResult = new HandoverResult { Batch = part.Batch, Kept = true } });
        await leaving.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        Assert.Contains(Statuses(stream), s => s is { LastWord: true, Unsaved: 0, Stranded: 0 });
    }

    [Fact]
    public async Task Another_sidecar_answers_for_what_was_handed_over()
    {
        var fake = await OperatorAsync();
        var (leaves, from) = await SidecarAsync(fake, "a", grace: 60);
        var (stays, to) = await SidecarAsync(fake, "b", grace: 0);
        await leaves.OkAsync("/v1/save", RunningSidecar.Save("a", "acknowledged"));
        await leaves.OkAsync("/v1/save", RunningSidecar.Save("large", new string('x', 100_000)));
        await leaves.OkAsync("/v1/row", new { table = "auth_user", keyColumn = "id", key = 5, columns = new { last_login = "2026-01-01T00:00:00Z" } });
        Assert.Equal("unreadable", await stays.OutcomeAsync("/v1/load", new { key = "a" }));
        Assert.NotEqual("", Statuses(from).Last().Store);
        Assert.Equal(Statuses(from).Last().Store, Statuses(to).Last().Store);

        leaves.HangUp();
        var leaving = leaves.LeaveAsync();
        for (var n = 0; ; n++)
        {
            var part = await PartAsync(from, n);
            await to.Say(new FromOperator { Handover = part });
            if (part.Last)
            {
                break;
            }
        }

        await Eventually.True(() => to.Received.Any(m => m.HandoverResult is not null));
        Assert.False(leaving.IsCompleted);
        // What the receiver keeps it has reported before its word reaches the sender: the fleet is never counted empty in between.
        Assert.Equal(3UL, to.Received.TakeWhile(m => m.HandoverResult is null).Last(m => m.Status is not null).Status.Unsaved);
        var result = to.Received.Single(m => m.HandoverResult is not null).HandoverResult;
        Assert.Equal(("", true), (result.Refusal, result.Kept));
        await from.Say(new FromOperator { HandoverResult = result });
        await leaving.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        var answer = await stays.OkAsync("/v1/load", new { key = "a" });
        Assert.Equal("acknowledged", answer.GetProperty("columns").GetProperty(Make.Data).GetString());
    }

    [Fact]
    public async Task A_batch_whose_receiver_died_before_its_word_is_handed_over_again()
    {
        var fake = await OperatorAsync();
        var (leaves, from) = await SidecarAsync(fake, "a", grace: 60, fleet: 1);
        await leaves.OkAsync("/v1/save", RunningSidecar.Save("a"));
        leaves.HangUp();
        var leaving = leaves.LeaveAsync();
        var first = await PartAsync(from, 0);
        await from.Say(new FromOperator { HandoverResult = new HandoverResult { Batch = first.Batch, Refusal = "the sidecar that was to keep it went away" } });
        var second = await PartAsync(from, 1);
        Assert.NotEqual(first.Batch, second.Batch);
        Assert.Equal(first.Data, second.Data);
        await Eventually.True(() => Statuses(from).Any(s => s.Stranded == 1));
        await from.Say(new FromOperator { HandoverResult = new HandoverResult { Batch = first.Batch, Kept = true } }); // late, and of another batch
        await Task.WhenAny(leaving, PartAsync(from, 2));
        Assert.False(leaving.IsCompleted);
        await from.Say(new FromOperator { HandoverResult = new HandoverResult { Batch = Parts(from).Last().Batch, Kept = true } });
        await leaving.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        Assert.Contains(Statuses(from), s => s is { LastWord: true, Stranded: 0 });
    }

    [Fact]
    public async Task A_session_that_changes_again_is_handed_over_again()
    {
        var fake = await OperatorAsync();
        var (leaves, from) = await SidecarAsync(fake, "a", grace: 8);
        await leaves.OkAsync("/v1/save", RunningSidecar.Save("a", "one"));
        var leaving = leaves.LeaveAsync();
        await Eventually.True(() => Statuses(from).Any(s => s.Leaving));
        await leaves.OkAsync("/v1/save", RunningSidecar.Save("a", "two"));
        leaves.HangUp();
        var part = await PartAsync(from, 0);
        await from.Say(new FromOperator { HandoverResult = new HandoverResult { Batch = part.Batch, Kept = true } });
        await leaving.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        Assert.Contains("two", Parts(from).Last().Data.ToStringUtf8(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_nobody_takes_it_it_says_so_and_tries_until_the_grace_period_ends()
    {
        var fake = await OperatorAsync();
        var (leaves, from) = await SidecarAsync(fake, "a", grace: 5);
        await leaves.OkAsync("/v1/save", RunningSidecar.Save("a"));
        leaves.HangUp();
        var clock = Stopwatch.StartNew();
        var leaving = leaves.LeaveAsync();
        var answered = 0;
        while (!leaving.IsCompleted)
        {
            if (Parts(from).Skip(answered).FirstOrDefault() is { } part)
            {
                answered++;
                await from.Say(new FromOperator { HandoverResult = new HandoverResult { Batch = part.Batch, Refusal = "no other sidecar" } });
            }

            await Task.WhenAny(leaving, Task.Delay(5, TestContext.Current.CancellationToken));
        }

        Assert.InRange(clock.Elapsed.TotalSeconds, 5, 20);
        Assert.True(answered > 3, $"{answered} tries");
        Assert.Contains(Statuses(from), s => s is { Leaving: true, LastWord: false, Stranded: 1 });
        // Not over a stream that was changed for another one just before.
        Assert.Contains(Statuses(from), s => s is { LastWord: true, Stranded: 1, Unsaved: 1 });
        await leaves.RestartAsync();
        Assert.Equal(1, (await leaves.StatusAsync()).GetProperty("unsaved").GetInt32());
    }

    [Fact]
    public async Task Where_others_are_connected_elsewhere_it_looks_for_them_over_a_new_stream()
    {
        var fake = await OperatorAsync();
        var (leaves, from) = await SidecarAsync(fake, "a", grace: 60);
        await leaves.OkAsync("/v1/save", RunningSidecar.Save("a"));
        leaves.HangUp();
        var leaving = leaves.LeaveAsync();
        var next = fake.Streams.NextAsync(30);
        for (var answered = 0; !next.IsCompleted;)
        {
            if (Parts(from).Skip(answered).FirstOrDefault() is { } refused)
            {
                answered++;
                await from.Say(new FromOperator { HandoverResult = new HandoverResult { Batch = refused.Batch, Refusal = "no other sidecar" } });
            }

            await Task.WhenAny(next, Task.Delay(5, TestContext.Current.CancellationToken));
        }

        var other = await next;
        Assert.True(other.Hello.Status is { Leaving: true, Stranded: 1 });
        await other.Say(Says(Mode.Cache));
        var part = await PartAsync(other, 0);
        await other.Say(new FromOperator { HandoverResult = new HandoverResult { Batch = part.Batch, Kept = true } });
        await leaving.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Nothing_is_sent_to_an_operator_that_does_not_pass_it_on()
    {
        var fake = await OperatorAsync();
        var (leaves, from) = await SidecarAsync(fake, "a", grace: 2);
        var older = Says(Mode.Cache);
        older.Relays = false;
        older.Reason = "an older operator";
        await from.Say(older);
        await Eventually.True(async () => (await leaves.StatusAsync()).GetProperty("reason").GetString() == "an older operator");
        await leaves.OkAsync("/v1/save", RunningSidecar.Save("a"));
        leaves.HangUp();
        await leaves.LeaveAsync();
        Assert.Empty(Parts(from));
    }
}
