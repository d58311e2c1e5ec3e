using Google.Protobuf;
using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Handover;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Sidecar.Tests.Handover;

/// <summary>Batches cut into messages and put together again.</summary>
public class HandoverLinkTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private static HandoverPart Part(ulong batch, string data, bool last = false) =>
        new() { Batch = batch, Data = ByteString.CopyFromUtf8(data), Last = last };

    private static async Task<FromSidecar> NextAsync(HandoverLink link)
    {
        FromSidecar? next = null;
        await Eventually.True(() => link.TryTake(out next!));
        return next!;
    }

    [Fact]
    public async Task A_long_batch_travels_in_parts_and_arrives_whole()
    {
        var sender = new HandoverLink();
        var kept = new TaskCompletionSource<byte[]>();
        var receiver = new HandoverLink { Keep = batch => { kept.SetResult(batch); return Task.FromResult(""); } };
        var batch = Enumerable.Range(0, HandoverLink.PartBytes * 6 + 1).Select(i => (byte)i).ToArray();
        var sending = sender.SendAsync(batch, Patience, CancellationToken.None);
        for (var parts = 1; ; parts++)
        {
            var part = (await NextAsync(sender)).Handover;
            Assert.True(part.Data.Length <= HandoverLink.PartBytes);
            receiver.Arrived(part);
            if (part.Last)
            {
                Assert.Equal(7, parts);
                break;
            }
        }

        Assert.Equal(batch, await kept.Task.WaitAsync(Patience, TestContext.Current.CancellationToken));
        var result = (await NextAsync(receiver)).HandoverResult;
        Assert.False(sending.IsCompleted);
        sender.Arrived(new HandoverResult { Batch = result.Batch + 1, Kept = true });
        Assert.False(sending.IsCompleted);
        sender.Arrived(result);
        Assert.Equal("", await sending.WaitAsync(Patience, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_batch_that_is_given_up_leaves_nothing_in_the_next_one()
    {
        var kept = new List<byte[]>();
        var link = new HandoverLink { Keep = batch => { lock (kept) { kept.Add(batch); } return Task.FromResult("no room"); } };
        link.Arrived(Part(1, "half of the fir"));
        link.Arrived(Part(2, "sec"));
        link.Arrived(Part(2, "ond", last: true));
        var answer = (await NextAsync(link)).HandoverResult;
        Assert.Equal((2UL, false, "no room"), (answer.Batch, answer.Kept, answer.Refusal));
        link.Arrived(Part(3, "half of the thi"));
        link.Broken();
        link.Arrived(Part(3, "fourth", last: true));
        await NextAsync(link);
        Assert.Equal(["second", "fourth"], kept.Select(ByteString.CopyFrom).Select(b => b.ToStringUtf8()));
    }

    [Fact]
    public async Task A_batch_beyond_its_bound_is_refused_and_forgotten()
    {
        var link = new HandoverLink { Keep = _ => Task.FromResult("") };
        var part = new HandoverPart { Batch = 1, Data = ByteString.CopyFrom(new byte[HandoverBatch.MaxBytes / 2 + 1]) };
        link.Arrived(part);
        link.Arrived(part);
        Assert.Contains("too long", (await NextAsync(link)).HandoverResult.Refusal, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_an_answer_the_sender_knows_that_nobody_may_have_it()
    {
        var link = new HandoverLink();
        Assert.Equal("no answer in time", await link.SendAsync([1], TimeSpan.FromMilliseconds(50), CancellationToken.None));
        var sending = link.SendAsync([1], Patience, CancellationToken.None);
        link.Broken();
        Assert.Contains("ended", await sending.WaitAsync(Patience, TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.False(link.TryTake(out _));
        sending = link.SendAsync([1], Patience, CancellationToken.None);
        link.Arrived(new HandoverResult { Batch = 3, Refusal = "" });
        Assert.NotEqual("", await sending.WaitAsync(Patience, TestContext.Current.CancellationToken));
    }
}
