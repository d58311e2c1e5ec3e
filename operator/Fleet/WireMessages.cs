using System.Buffers;
using Google.Protobuf;
using Grpc.Core;
using SessionOperator.Protocol.Fleet;

namespace SessionOperator.Operator.Fleet;

/// <summary>A message to sidecars, encoded once and shared by all who get it.</summary>
public sealed class Encoded(FromOperator message)
{
    private readonly byte[] _bytes = message.ToByteArray();

    public static Encoded Of(Protocol.Fleet.Decision decision) => new(new FromOperator { Decision = decision });

    public static Encoded Of(HandoverPart part) => new(new FromOperator { Handover = part });

    public static Encoded Of(HandoverResult result) => new(new FromOperator { HandoverResult = result });

    public static Encoded Of(Refusal refusal) => new(new FromOperator { Refusal = refusal });

    public static Encoded Of(Trust trust) => new(new FromOperator { Trust = trust });

    internal void WriteTo(SerializationContext context)
    {
        context.SetPayloadLength(_bytes.Length);
        context.GetBufferWriter().Write(_bytes);
        context.Complete();
    }
}

/// <summary>What arrived from a sidecar: a message, or why it is none.</summary>
public sealed record Incoming(FromSidecar? Message, string Error)
{
    internal static Incoming Read(DeserializationContext context)
    {
        try
        {
            return new Incoming(FromSidecar.Parser.ParseFrom(context.PayloadAsReadOnlySequence()), "");
        }
        catch (InvalidProtocolBufferException broken)
        {
            return new Incoming(null, broken.Message);
        }
    }
}
