using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace SessionOperator.Sidecar.Cache;

/// <summary>
/// One connection speaking the memcached text protocol (doc/protocol.txt of memcached). After any exception
/// the stream may hold half an answer: dispose it.
/// </summary>
internal sealed class MemcachedConnection : IDisposable
{
    private const int MaxLineBytes = 2048;
    private const int MaxValueBytes = 64 * 1024 * 1024;

    private readonly Socket _socket;
    private readonly byte[] _buffer = new byte[16 * 1024];
    private int _start;
    private int _end;

    private MemcachedConnection(Socket socket) => _socket = socket;

    public static async Task<MemcachedConnection> OpenAsync(EndPoint server, CancellationToken cancel)
    {
        var socket = server is UnixDomainSocketEndPoint
            ? new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified)
            : new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(server, cancel);
            return new MemcachedConnection(socket);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary><c>gets</c>: the value with its compare-and-swap token, or null.</summary>
    public async Task<CacheValue?> GetsAsync(string key, CancellationToken cancel)
    {
        await SendAsync($"gets {key}\r\n", default, cancel);
        CacheValue? found = null;
        while (true)
        {
            var line = await ReadLineAsync(cancel);
            if (line == "END")
            {
                return found;
            }

            // VALUE <key> <flags> <bytes> <cas unique>
            var words = line.Split(' ');
            // Another key's value would be another user's session.
            if (words.Length != 5 || words[0] != "VALUE" || words[1] != key
                || !int.TryParse(words[3], CultureInfo.InvariantCulture, out var length) || length is < 0 or > MaxValueBytes
                || !ulong.TryParse(words[4], CultureInfo.InvariantCulture, out var token))
            {
                throw new CacheUnavailableException("memcached answered gets with: " + Shown(line));
            }

            var value = await ReadBytesAsync(length, cancel);
            await ReadBytesAsync(2, cancel);
            found = new CacheValue(value, token);
        }
    }

    /// <summary><c>set</c>, <c>add</c> or, with a token, <c>cas</c>; returns the answer's word (STORED, NOT_STORED, EXISTS, NOT_FOUND).</summary>
    public async Task<string> StoreAsync(
        string command, string key, ReadOnlyMemory<byte> value, long expiry, ulong? token, CancellationToken cancel)
    {
        var cas = token is { } t ? " " + t.ToString(CultureInfo.InvariantCulture) : "";
        await SendAsync(string.Create(CultureInfo.InvariantCulture, $"{command} {key} 0 {expiry} {value.Length}{cas}\r\n"), value, cancel);
        return await ReadWordAsync(command, ["STORED", "NOT_STORED", "EXISTS", "NOT_FOUND"], cancel);
    }

    /// <summary><c>delete</c>; a key that is not there is no error.</summary>
    public async Task DeleteAsync(string key, CancellationToken cancel)
    {
        await SendAsync($"delete {key}\r\n", default, cancel);
        await ReadWordAsync("delete", ["DELETED", "NOT_FOUND"], cancel);
    }

    public void Dispose() => _socket.Dispose();

    private async Task<string> ReadWordAsync(string command, string[] expected, CancellationToken cancel)
    {
        var line = await ReadLineAsync(cancel);
        return expected.Contains(line)
            ? line
            : throw new CacheUnavailableException($"memcached answered {command} with: {Shown(line)}");
    }

    private async Task SendAsync(string command, ReadOnlyMemory<byte> value, CancellationToken cancel)
    {
        var head = Encoding.UTF8.GetByteCount(command);
        var hasValue = command.StartsWith("set ", StringComparison.Ordinal)
            || command.StartsWith("add ", StringComparison.Ordinal)
            || command.StartsWith("cas ", StringComparison.Ordinal);
        var message = new byte[head + (hasValue ? value.Length + 2 : 0)];
        Encoding.UTF8.GetBytes(command, message);
        if (hasValue)
        {
            value.Span.CopyTo(message.AsSpan(head));
            "\r\n"u8.CopyTo(message.AsSpan(head + value.Length));
        }

        for (var sent = 0; sent < message.Length;)
        {
            sent += await _socket.SendAsync(message.AsMemory(sent), cancel);
        }
    }

    private async Task<string> ReadLineAsync(CancellationToken cancel)
    {
        var line = new StringBuilder();
        while (true)
        {
            var newline = _buffer.AsSpan(_start, _end - _start).IndexOf((byte)'\n');
            var take = newline < 0 ? _end - _start : newline + 1;
            line.Append(Encoding.ASCII.GetString(_buffer, _start, take));
            _start += take;
            if (newline >= 0)
            {
                return line.ToString().TrimEnd('\r', '\n');
            }

            if (line.Length > MaxLineBytes)
            {
                throw new CacheUnavailableException("memcached answered with an endless line");
            }

            await FillAsync(cancel);
        }
    }

    private async Task<byte[]> ReadBytesAsync(int count, CancellationToken cancel)
    {
        var bytes = new byte[count];
        for (var done = 0; done < count;)
        {
            if (_start == _end)
            {
                await FillAsync(cancel);
            }

            var take = Math.Min(count - done, _end - _start);
            _buffer.AsSpan(_start, take).CopyTo(bytes.AsSpan(done));
            _start += take;
            done += take;
        }

        return bytes;
    }

    private async Task FillAsync(CancellationToken cancel)
    {
        _start = 0;
        _end = await _socket.ReceiveAsync(_buffer.AsMemory(), cancel);
        if (_end == 0)
        {
            throw new CacheUnavailableException("memcached closed the connection");
        }
    }

    // An error line may repeat the request, and with it a session key: only a word of the protocol is shown.
    private static string Shown(string line) =>
        line.Split(' ', 2)[0] is { Length: <= 20 } word && word.All(c => c is '_' or (>= 'A' and <= 'Z')) ? word : "an unknown line";
}
