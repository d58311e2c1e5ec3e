using Grpc.Core;
using Grpc.Net.Client;
using SessionOperator.Protocol.Fleet;

namespace SessionOperator.Operator.Tests.Fleet;

public class RefusalTests
{
    private static FromSidecar Hello(Action<Hello> change)
    {
        var message = TestSidecar.Greeting("web-1");
        change(message.Hello);
        return message;
    }

    public static TheoryData<string, FromSidecar, string, string> FirstMessages => new()
    {
        { "protocol", Hello(h => h.Protocol = 2), "unsupported_protocol", "protocol 2 is not spoken here; this operator speaks protocol 1" },
        { "database", Hello(h => h.Database = "default/odrers-db"), "unknown_database", "\"default/odrers-db\" is not configured here; known are: default/orders-db, default/users" },
        { "ack first", new FromSidecar { Ack = new Ack() }, "hello_expected", "the first message was Ack; say Hello first" },
        { "empty", new FromSidecar(), "hello_expected", "the first message was empty; say Hello first" },
        { "no pod", Hello(h => h.Pod = ""), "malformed", "hello.pod has 0 characters" },
        { "long pod", Hello(h => h.Pod = new string('x', 254)), "malformed", "hello.pod has 254 characters" },
        { "no instance", Hello(h => h.Instance = ""), "malformed", "hello.instance has 0 characters" },
        { "mode", Hello(h => h.Mode = (Mode)9), "malformed", "hello.mode is 9" },
        { "epoch", Hello(h => h.Epoch = ulong.MaxValue), "malformed", "at most 2^62" },
        { "last normal", Hello(h => h.LastNormalEpoch = 1), "malformed", "hello.epoch must be at least hello.last_normal_epoch" },
    };

    public static TheoryData<string, FromSidecar, string> LaterMessages => new()
    {
        { "hello", TestSidecar.Greeting("web-1"), "a second Hello" },
        { "empty", new FromSidecar(), "a message without a body; send Ack, Evidence or Status" },
        { "source", new FromSidecar { Evidence = new Evidence { Verdict = Evidence.Types.Verdict.Writable } }, "evidence.source is 0; send SOURCE_PROBE or SOURCE_APP" },
        { "verdict", new FromSidecar { Evidence = new Evidence { Source = Evidence.Types.Source.App } }, "evidence.verdict is 0" },
        { "unknown verdict", new FromSidecar { Evidence = new Evidence { Source = Evidence.Types.Source.App, Verdict = (Evidence.Types.Verdict)99 } }, "evidence.verdict is 99" },
        { "ack", new FromSidecar { Ack = new Ack { Epoch = ulong.MaxValue } }, "ack.epoch is beyond" },
    };

    [Theory]
    [MemberData(nameof(FirstMessages))]
    public async Task A_first_message_that_cannot_be_served_is_told_why(string name, FromSidecar first, string code, string message)
    {
        await using var hub = await TestHub.Start();
        await using var sidecar = new TestSidecar(hub.Grpc);
        await sidecar.Send(first);
        var refusal = await sidecar.Refused();
        Assert.Equal((name, code), (name, refusal.Code));
        Assert.Contains(message, refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(LaterMessages))]
    public async Task A_later_message_that_makes_no_sense_ends_the_stream_with_a_reason(string name, FromSidecar later, string message)
    {
        await using var hub = await TestHub.Start();
        await using var sidecar = await TestSidecar.Join(hub, "web-1");
        await sidecar.Until(_ => true);
        await sidecar.Send(later);
        Refusal? refusal = null;
        while (refusal is null && await sidecar.Next() is { } next)
        {
            refusal = next.Refusal;
        }
        Assert.Equal((name, "malformed"), (name, refusal?.Code));
        Assert.Contains(message, refusal!.Message, StringComparison.Ordinal);
        Assert.Null(await sidecar.Next());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Bytes_that_are_no_message_are_told_so(bool afterHello)
    {
        await using var hub = await TestHub.Start();
        using var channel = GrpcChannel.ForAddress(hub.Grpc);
        var raw = Marshallers.Create(bytes => bytes, bytes => bytes);
        using var call = channel.CreateCallInvoker().AsyncDuplexStreamingCall(
            new Method<byte[], byte[]>(MethodType.DuplexStreaming, "sessionoperator.fleet.v1.Fleet", "Connect", raw, raw), null, new CallOptions());
        var cancellation = TestContext.Current.CancellationToken;
        if (afterHello)
        {
            await call.RequestStream.WriteAsync(Google.Protobuf.MessageExtensions.ToByteArray(TestSidecar.Greeting("web-1")), cancellation);
        }
        await call.RequestStream.WriteAsync([0xFF, 0xFF, 0xFF], cancellation);
        FromOperator last = new();
        while (await call.ResponseStream.MoveNext(cancellation))
        {
            last = FromOperator.Parser.ParseFrom(call.ResponseStream.Current);
        }
        Assert.Equal("malformed", last.Refusal?.Code);
        Assert.Contains("send a FromSidecar of fleet.proto", last.Refusal!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refused_sidecar_does_not_count()
    {
        await using var hub = await TestHub.Start();
        await using var refused = new TestSidecar(hub.Grpc);
        await refused.Send(Hello(h => h.Protocol = 2));
        await refused.Refused();
        await using var served = await TestSidecar.Join(hub, "web-1");
        Assert.Equal(1u, (await served.Until(_ => true)).Fleet);
    }
}
