using Microsoft.AspNetCore.Connections;

namespace SessionOperator.Sidecar.Handover;

/// <summary>The app's way in, the unix socket: knows whether anybody of the app is still there, and can be closed.</summary>
internal sealed class AppDoor(string socket)
{
    private int _connections;
    private int _requests;
    private volatile bool _closed;

    /// <summary>Open connections: every app thread that has asked something keeps one until its process ends.</summary>
    public int Connections => Volatile.Read(ref _connections);

    public ConnectionDelegate Count(ConnectionDelegate next) => async connection =>
    {
        Interlocked.Increment(ref _connections);
        try
        {
            await next(connection);
        }
        finally
        {
            Interlocked.Decrement(ref _connections);
        }
    };

    /// <summary>Serves a request, or breaks its connection once the door is closed: the app sees a sidecar that is gone.</summary>
    public async Task ServeAsync(HttpContext context, Func<HttpContext, Task> serve)
    {
        Interlocked.Increment(ref _requests);
        try
        {
            if (_closed)
            {
                context.Abort();
                return;
            }

            await serve(context);
        }
        finally
        {
            Interlocked.Decrement(ref _requests);
        }
    }

    /// <summary>Nobody comes in any more; ends when the requests being served are answered, at the latest after <paramref name="wait"/>.</summary>
    public async Task CloseAsync(TimeSpan wait)
    {
        _closed = true;
        File.Delete(socket);
        using var deadline = new CancellationTokenSource(wait);
        using var look = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        try
        {
            while (Volatile.Read(ref _requests) > 0)
            {
                await look.WaitForNextTickAsync(deadline.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // Whoever is still waiting for an answer has been acknowledged nothing.
        }
    }
}
