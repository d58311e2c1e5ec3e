using Grpc.Core;
using SessionOperator.Protocol.Fleet;

namespace SessionOperator.Operator.Fleet;

/// <summary>Serves fleet.proto: one call of <see cref="Connect"/> is one connected sidecar.</summary>
internal sealed partial class FleetService(
    ControllerDirectory directory, FleetTimings timings, TimeProvider time, IHostApplicationLifetime lifetime, ILogger log,
    FleetSecurity security)
{
    public async Task Connect(IAsyncStreamReader<Incoming> requests, IServerStreamWriter<Encoded> responses, ServerCallContext call)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(call.CancellationToken, lifetime.ApplicationStopping);
        try
        {
            var identity = await Identify(call, ending.Token);
            using var reading = new ReadDeadline(time, ending.Token);
            if (!await reading.Next(requests, timings.HelloDeadline))
            {
                return;
            }
            if (Checks.First(requests.Current, directory.Names, identity) is { } refusal)
            {
                if (refusal.Code == Checks.UnknownDatabase && directory.MayCome(requests.Current.Message!.Hello.Database))
                {
                    throw new RpcException(new Grpc.Core.Status(StatusCode.Unavailable, "the operator is starting and does not know every SessionDatabase yet; try again"));
                }
                await Refuse(refusal, call.Peer, responses, ending.Token);
                return;
            }
            await Serve(requests.Current.Message!.Hello, requests, responses, call, reading, ending);
        }
        catch (TimeoutException late)
        {
            throw new RpcException(new Grpc.Core.Status(StatusCode.DeadlineExceeded, late.Message));
        }
        catch (Exception ended) when (ended is OperationCanceledException or IOException || call.CancellationToken.IsCancellationRequested)
        {
            // A sidecar that went away is nobody's error; one that is still there should look for another replica.
            if (lifetime.ApplicationStopping.IsCancellationRequested)
            {
                throw new RpcException(new Grpc.Core.Status(StatusCode.Unavailable, "the operator is stopping; try again"));
            }
        }
    }

    private async Task<PodIdentity?> Identify(ServerCallContext call, CancellationToken cancellation)
    {
        try
        {
            return security.Identities is { } identities ? await identities.Check(call.RequestHeaders, cancellation) : null;
        }
        catch (RpcException no)
        {
            Refused(call.Peer, no.StatusCode.ToString(), no.Status.Detail);
            throw;
        }
    }

    private async Task Serve(
        Hello hello, IAsyncStreamReader<Incoming> requests, IServerStreamWriter<Encoded> responses, ServerCallContext call,
        ReadDeadline reading, CancellationTokenSource ending)
    {
        // Its database may have gone since the hello was checked: then the next attempt is refused with words.
        if (directory.Find(hello.Database) is not { } controller)
        {
            throw new RpcException(new Grpc.Core.Status(StatusCode.Aborted, $"database {hello.Database} has just been deleted"));
        }
        var connection = new Connection($"{Checks.Line(hello.Pod, 253)}/{Checks.Line(hello.Instance, 253)}", Checks.Line(hello.Pod, 253));
        if (!await controller.Post(new Input.Joined(connection, hello), ending.Token))
        {
            return;
        }
        controller.Relay.Join(connection, hello.Status);
        var sending = connection.SendAll(Sender(responses, ending.Token), timings.WriteDeadline, ending.Token);
        var receiving = Receive(controller, connection, requests, reading, ending.Token);
        try
        {
            var first = await Task.WhenAny(sending, receiving);
            if (first == sending)
            {
                await sending;
                throw new RpcException(new Grpc.Core.Status(StatusCode.Aborted, connection.EndReason));
            }
            if (await receiving is { } refusal)
            {
                connection.End("");
                await sending;
                await Refuse(refusal, call.Peer, responses, ending.Token);
            }
        }
        catch (TimeoutException)
        {
            Cut(connection.Pod);
            if (sending.IsFaulted)
            {
                // It takes nothing and would hold its buffers for ever: only breaking the connection frees them.
                call.GetHttpContext().Abort();
            }
            throw;
        }
        finally
        {
            connection.End("");
            controller.Relay.Leave(connection);
            await ending.CancelAsync();
            // Whoever goes because this replica stops is on the way to another one, which is to expect it.
            if (!lifetime.ApplicationStopping.IsCancellationRequested)
            {
                await controller.Post(new Input.Left(connection), CancellationToken.None);
            }
            await Quietly(sending);
            await Quietly(receiving);
        }
    }

    /// <summary>Sends messages, and before them the authorities when they are new: every message is followed soon by another one.</summary>
    private Func<Encoded, Task> Sender(IServerStreamWriter<Encoded> responses, CancellationToken cancellation)
    {
        var trusted = "";
        return async message =>
        {
            if (security.Certificate?.Pem is { } authorities && authorities != trusted)
            {
                trusted = authorities;
                await responses.WriteAsync(Encoded.Of(new Trust { Authorities = authorities }), cancellation);
            }
            await responses.WriteAsync(message, cancellation);
        };
    }

    private async Task<Refusal?> Receive(
        DatabaseController controller, Connection connection, IAsyncStreamReader<Incoming> requests, ReadDeadline reading,
        CancellationToken cancellation)
    {
        while (await reading.Next(requests, timings.ReadDeadline))
        {
            if (Checks.Later(requests.Current) is { } refusal)
            {
                return refusal;
            }
            var message = requests.Current.Message!;
            switch (message.BodyCase)
            {
                case FromSidecar.BodyOneofCase.Handover:
                    await controller.Relay.Pass(connection, message.Handover, timings.PassDeadline, cancellation);
                    continue;
                case FromSidecar.BodyOneofCase.HandoverResult:
                    controller.Relay.Settle(connection, message.HandoverResult);
                    continue;
                case FromSidecar.BodyOneofCase.Status:
                    controller.Relay.Report(connection, message.Status);
                    break;
            }
            Input input = message.BodyCase switch
            {
                FromSidecar.BodyOneofCase.Ack => new Input.Acked(connection, message.Ack.Epoch),
                FromSidecar.BodyOneofCase.Status => new Input.Reported(connection, message.Status),
                _ => new Input.Seen(connection, Checks.Signal(message.Evidence, connection, controller.Now)),
            };
            await controller.Post(input, cancellation);
        }
        return null;
    }

    private async Task Refuse(Refusal refusal, string peer, IServerStreamWriter<Encoded> responses, CancellationToken cancellation)
    {
        Refused(peer, refusal.Code, refusal.Message);
        await responses.WriteAsync(Encoded.Of(refusal), cancellation).WaitAsync(timings.WriteDeadline, cancellation);
    }

    /// <summary>The stream's end has been decided already; how its other half ends adds nothing.</summary>
    private static async Task Quietly(Task half) =>
        await half.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    [LoggerMessage(EventId = 10, Level = LogLevel.Warning, Message = "Refused the sidecar at {Peer} ({Code}): {Why}")]
    private partial void Refused(string peer, string code, string why);

    [LoggerMessage(EventId = 11, Level = LogLevel.Warning, Message = "Cut off the sidecar of {Pod}: it said nothing, or took no message, for too long")]
    private partial void Cut(string pod);
}
