using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace SessionOperator.Kubernetes.Tests.Servers;

/// <summary>A network between a sidecar and a replica that can be cut: from outside the replica is dead then.</summary>
internal sealed class Wire : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentBag<Socket> _sockets = [];
    private readonly Uri _target;
    private volatile bool _cut;

    public Wire(string target)
    {
        _target = new Uri(target);
        _listener.Start();
        _ = AcceptAsync();
    }

    public string Address => $"http://{_listener.LocalEndpoint}";

    public void Cut()
    {
        _cut = true;
        _listener.Stop();
        foreach (var socket in _sockets)
        {
            socket.Dispose();
        }
    }

    public void Dispose() => Cut();

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var near = await _listener.AcceptSocketAsync();
                var far = new Socket(SocketType.Stream, ProtocolType.Tcp);
                _sockets.Add(near);
                _sockets.Add(far);
                await far.ConnectAsync(_target.Host, _target.Port);
                _ = CarryAsync(near, far);
                _ = CarryAsync(far, near);
            }
        }
        catch (Exception cut) when (_cut && cut is SocketException or ObjectDisposedException)
        {
            // As it was told.
        }
    }

    private static async Task CarryAsync(Socket from, Socket to)
    {
        var buffer = new byte[16 * 1024];
        try
        {
            while (await from.ReceiveAsync(buffer) is > 0 and var read)
            {
                await to.SendAsync(buffer.AsMemory(0, read));
            }
        }
        catch (Exception ended) when (ended is SocketException or ObjectDisposedException)
        {
            // One end is gone, and with it the other.
        }
        from.Dispose();
        to.Dispose();
    }
}
