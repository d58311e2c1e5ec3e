using System.Net;
using System.Net.Sockets;

namespace SessionOperator.Sidecar.Install;

/// <summary>Where metrics are served, if anywhere.</summary>
internal static class MetricsAddress
{
    /// <summary>
    /// The configured address; null when there is none, or when it may be done without and its port is taken. In a pod
    /// the port may be the app's, which must not keep the sidecar from its work.
    /// </summary>
    public static IPEndPoint? Find(Options options) => options.Http is { } http && (!options.HttpIfFree || IsFree(http.Port)) ? http : null;

    private static bool IsFree(int port)
    {
        try
        {
            using var socket = Socket.OSSupportsIPv6
                ? new Socket(AddressFamily.InterNetworkV6, SocketType.Stream, ProtocolType.Tcp) { DualMode = true }
                : new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any, port));
            socket.Listen(1);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
