using Grpc.AspNetCore.Server.Model;
using Grpc.Core;

namespace SessionOperator.Operator.Fleet;

/// <summary>
/// Binds fleet.proto's Connect by hand: the generated base class would encode a decision anew for every sidecar, and
/// would answer bytes it cannot read with a bare INTERNAL.
/// </summary>
internal sealed class FleetMethods : IServiceMethodProvider<FleetService>
{
    private static readonly Method<Incoming, Encoded> s_connect = new(
        MethodType.DuplexStreaming,
        Protocol.Fleet.Fleet.Descriptor.FullName,
        "Connect",
        new Marshaller<Incoming>((_, _) => throw new NotSupportedException("sidecars send these"), Incoming.Read),
        new Marshaller<Encoded>((message, context) => message.WriteTo(context), _ => throw new NotSupportedException("the operator sends these")));

    public void OnServiceMethodDiscovery(ServiceMethodProviderContext<FleetService> context) =>
        context.AddDuplexStreamingMethod(
            s_connect, [], static (service, requests, responses, call) => service.Connect(requests, responses, call));
}
