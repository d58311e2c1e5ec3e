using Google.Protobuf;
using Microsoft.Extensions.Logging.Abstractions;
using SessionOperator.Operator.Api;
using SessionOperator.Operator.Fleet;
using SessionOperator.Operator.Housekeeping.Events;
using SessionOperator.Operator.Metrics;
using SessionOperator.Protocol.Fleet;
using Wire = SessionOperator.Protocol.Fleet;

namespace SessionOperator.Operator.Tests.Fleet;

/// <summary>Batches of a leaving sidecar on their way through the operator.</summary>
public class RelayTests
{
    private const string Store = "table-1";

    private static async Task<TestSidecar> Member(TestHub hub, string pod, string store = Store, bool leaving = false, ulong unsaved = 0)
    {
        var hello = TestSidecar.Greeting(pod);
        hello.Hello.Status = Says(store, leaving, unsaved);
        var sidecar = new TestSidecar(hub.Grpc);
        await sidecar.Send(hello);
        await sidecar.Until(d => d.Relays);
        return sidecar;
    }

    private static Wire.Status Says(string store, bool leaving = false, ulong unsaved = 0, ulong stranded = 0) =>
        new() { AdapterLoaded = true, Store = store, Leaving = leaving, Unsaved = unsaved, Stranded = stranded };

    private static FromSidecar Part(ulong batch, string data, bool last = true) =>
        new() { Handover = new HandoverPart { Batch = batch, Data = ByteString.CopyFromUtf8(data), Last = last } };

    private static FromSidecar Result(ulong batch, string refusal = "") =>
        new() { HandoverResult = new HandoverResult { Batch = batch, Kept = refusal.Length == 0, Refusal = refusal } };

    private static async Task<HandoverPart> PartAt(TestSidecar sidecar) => (await sidecar.UntilBody(m => m.Handover)).Handover;

    private static async Task<HandoverResult> ResultAt(TestSidecar sidecar) => (await sidecar.UntilBody(m => m.HandoverResult)).HandoverResult;

    [Fact]
    public async Task A_batch_reaches_one_that_stays_and_its_sender_hears_only_what_the_receiver_says()
    {
        await using var hub = await TestHub.Start();
        await using var stays = await Member(hub, "stays");
        await using var leaves = await Member(hub, "leaves", leaving: true);
        await leaves.Send(Part(7, "one", last: false));
        await leaves.Send(Part(7, "two"));
        var first = await PartAt(stays);
        var second = await PartAt(stays);
        Assert.Equal(("one", false, "two", true), (first.Data.ToStringUtf8(), first.Last, second.Data.ToStringUtf8(), second.Last));
        Assert.Equal(first.Batch, second.Batch);
        await stays.Send(Result(first.Batch + 1)); // of another batch: nobody's answer
        await stays.Send(Result(first.Batch, "the disk is full"));
        var refused = await ResultAt(leaves);
        Assert.Equal((7UL, false, "the disk is full"), (refused.Batch, refused.Kept, refused.Refusal));

        await using var other = await Member(hub, "other");
        await leaves.Send(Part(8, "again"));
        var again = await PartAt(other);
        Assert.Equal("again", again.Data.ToStringUtf8());
        await other.Send(Result(again.Batch));
        var kept = await ResultAt(leaves);
        Assert.Equal((8UL, true), (kept.Batch, kept.Kept));
        Assert.Contains("session_operator_handover_batches_total{database=\"default/orders-db\",outcome=\"kept\"} 1", await hub.Get("/metrics"));
    }

    [Fact]
    public async Task Neither_a_leaving_sidecar_nor_one_of_another_table_nor_the_sender_itself_is_chosen()
    {
        await using var hub = await TestHub.Start();
        await using var goes = await Member(hub, "goes too", leaving: true);
        await using var foreign = await Member(hub, "foreign", store: "table-2");
        await using var silent = await Member(hub, "no app yet", store: "");
        await using var leaves = await Member(hub, "leaves", leaving: true);
        await leaves.Send(Part(1, "x"));
        var result = await ResultAt(leaves);
        Assert.False(result.Kept);
        Assert.Contains("no other sidecar", result.Refusal, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_receiver_that_goes_away_is_replaced_by_another_one()
    {
        await using var hub = await TestHub.Start();
        var first = await Member(hub, "a");
        await using var leaves = await Member(hub, "leaves", leaving: true);
        await leaves.Send(Part(1, "x", last: false));
        await PartAt(first);
        await first.DisposeAsync();
        var result = await ResultAt(leaves);
        Assert.Equal((1UL, false), (result.Batch, result.Kept));
        await leaves.Send(Part(1, "the rest of a batch that has failed"));
        await using var second = await Member(hub, "b");
        await leaves.Send(Part(2, "whole"));
        Assert.Equal("whole", (await PartAt(second)).Data.ToStringUtf8());
    }

    [Fact]
    public async Task A_receiver_that_stays_silent_is_left_for_another_one_and_its_late_word_counts_for_nothing()
    {
        await using var hub = await TestHub.Start();
        await using var silent = await Member(hub, "a");
        await using var helpful = await Member(hub, "b", unsaved: 5);
        await using var leaves = await Member(hub, "leaves", leaving: true);
        await leaves.Send(Part(1, "x"));
        var missed = await PartAt(silent);
        await leaves.Send(Part(2, "x"));
        Assert.Equal(1UL, (await ResultAt(leaves)).Batch);
        var taken = await PartAt(helpful);
        await silent.Send(Result(missed.Batch));
        await helpful.Send(Result(taken.Batch, "full"));
        var result = await ResultAt(leaves);
        Assert.Equal((2UL, false), (result.Batch, result.Kept));
    }

    [Fact]
    public async Task Two_that_leave_are_served_by_two_that_stay_one_batch_each()
    {
        await using var hub = await TestHub.Start();
        await using var a = await Member(hub, "a");
        await using var x = await Member(hub, "x", leaving: true);
        await using var y = await Member(hub, "y", leaving: true);
        await x.Send(Part(1, "of x", last: false));
        await PartAt(a);
        await y.Send(Part(1, "of y"));
        Assert.Contains("busy", (await ResultAt(y)).Refusal, StringComparison.Ordinal);
        await using var b = await Member(hub, "b");
        await y.Send(Part(2, "of y"));
        Assert.Equal("of y", (await PartAt(b)).Data.ToStringUtf8());
        await x.Send(Part(1, "the end of x"));
        Assert.Equal("the end of x", (await PartAt(a)).Data.ToStringUtf8());
    }

    [Fact]
    public async Task What_leaves_with_its_sidecar_is_counted_once()
    {
        await using var hub = await TestHub.Start();
        await using var leaves = await Member(hub, "leaves", leaving: true);
        var last = Says(Store, leaving: true, unsaved: 3, stranded: 3);
        await leaves.Send(new FromSidecar { Status = last.Clone() });
        last.LastWord = true;
        await leaves.Send(new FromSidecar { Status = last });
        await leaves.Send(new FromSidecar { Status = last });
        await leaves.Send(Part(1, "x")); // its answer comes after what was said before
        await ResultAt(leaves);
        Assert.Contains("session_operator_stranded_records_total{database=\"default/orders-db\"} 3", await hub.Get("/metrics"));
    }

    [Fact]
    public void What_nobody_takes_is_told_when_it_is_known_and_when_it_has_left_and_no_more_often()
    {
        var told = new List<StrandedChanges>();
        var metrics = new DatabaseMetrics(new OperatorMetrics(Prometheus.Metrics.NewCustomRegistry()), "default/orders-db");
        var relay = new Relay("default/orders-db", TimeProvider.System, metrics, NullLogger.Instance, told.Add);
        var leaves = new Connection("leaves/1", "leaves");
        relay.Join(leaves, Says(Store, leaving: true, unsaved: 3));
        Assert.Empty(told);
        relay.Report(leaves, Says(Store, leaving: true, unsaved: 3, stranded: 3));
        relay.Report(leaves, Says(Store, leaving: true, unsaved: 2, stranded: 2));
        var last = Says(Store, leaving: true, unsaved: 2, stranded: 2);
        last.LastWord = true;
        relay.Report(leaves, last);
        relay.Report(leaves, last);
        Assert.Equal([new StrandedChanges("leaves", 3, HaveLeft: false), new StrandedChanges("leaves", 2, HaveLeft: true)], told);

        var database = new SessionDatabase { Metadata = new ResourceMetadata { Namespace = "default", Name = "orders-db", Uid = "u" } };
        var notes = told.Select(changes => StrandedNote.Of(database, changes)).ToList();
        Assert.All(notes, note => Assert.Equal((true, "ChangesStranded", "orders-db"), (note.Warning, note.Reason, note.About.Name)));
        Assert.Contains("leaves is leaving with 3 unsaved", notes[0].Message, StringComparison.Ordinal);
        Assert.Contains("leaves has left, and 2 unsaved", notes[1].Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_part_beyond_its_bound_is_refused()
    {
        await using var hub = await TestHub.Start();
        await using var leaves = await Member(hub, "leaves", leaving: true);
        await leaves.Send(Part(1, new string('x', 48 * 1024 + 1)));
        Assert.Equal("malformed", (await leaves.UntilBody(m => m.Refusal)).Refusal.Code);
    }
}
