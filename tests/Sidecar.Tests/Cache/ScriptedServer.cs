using System.Net;
using System.Net.Sockets;

namespace SessionOperator.Sidecar.Tests.Cache;

/// <summary>A loopback server that answers as a memcached in trouble would.</summary>
internal sealed class ScriptedServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Func<string, Func<string, Task>, Task<bool>> _answer;
    private readonly CancellationTokenSource _stopping = new();
    private readonly Task _accepting;
    private int _connections;

    /// <param name="answer">Gets a command line and a way to send text; false closes the connection.</param>
    public ScriptedServer(Func<string, Func<string, Task>, Task<bool>> answer)
    {
        _answer = answer;
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public string Address => _listener.LocalEndpoint.ToString()!;

    public int Connections => Volatile.Read(ref _connections);

    /// <summary>Sends the same text after every line, whatever it says.</summary>
    public static ScriptedServer Saying(string text, bool thenClose = false) => new(async (_, send) =>
    {
        await send(text);
        return !thenClose;
    });

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        _listener.Stop();
        await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Dispose();
    }

    private async Task AcceptAsync()
    {
        var serving = new List<Task>();
        try
        {
            while (true)
            {
                serving.Add(ServeAsync(await _listener.AcceptSocketAsync(_stopping.Token)));
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(serving).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ServeAsync(Socket socket)
    {
        Interlocked.Increment(ref _connections);
        using var stream = new NetworkStream(socket, ownsSocket: true);
        using var reader = new StreamReader(stream, System.Text.Encoding.Latin1);
        while (await reader.ReadLineAsync(_stopping.Token) is { } line)
        {
            if (!await _answer(line, text => SendAsync(stream, text)))
            {
                return;
            }
        }
    }

    private async Task SendAsync(NetworkStream stream, string text)
    {
        await stream.WriteAsync(System.Text.Encoding.Latin1.GetBytes(text), _stopping.Token);
        await stream.FlushAsync(_stopping.Token);
    }
}
