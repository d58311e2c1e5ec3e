using System.Buffers;

namespace SessionOperator.Operator.Kubernetes.Watching;

/// <summary>Reads the lines of a watch. One line is in memory at a time, of bounded length.</summary>
internal sealed class LineReader(Stream stream, int maxLine) : IDisposable
{
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(16 * 1024);
    private int _start;
    private int _end;

    /// <summary>The next line, valid until the next call; null at the end of the stream.</summary>
    /// <param name="cancellation">Ends the read at once.</param>
    /// <exception cref="WatchEndedException">The line is too long, or the stream ended within it.</exception>
    public async ValueTask<ReadOnlyMemory<byte>?> ReadAsync(CancellationToken cancellation)
    {
        var searched = _start;
        while (true)
        {
            var at = _buffer.AsSpan(searched, _end - searched).IndexOf((byte)'\n');
            if (at >= 0)
            {
                var line = _buffer.AsMemory(_start, searched + at - _start);
                _start = searched + at + 1;
                return line;
            }
            if (_end - _start > maxLine)
            {
                throw new WatchEndedException(EndReason.Oversized, $"an event is longer than {maxLine} bytes");
            }
            MakeRoom();
            searched = _end;
            var read = await stream.ReadAsync(_buffer.AsMemory(_end), cancellation);
            if (read == 0)
            {
                return _end == _start ? null : throw new WatchEndedException(EndReason.Reset, "the stream ended within an event");
            }
            _end += read;
        }
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
        _start = _end = 0;
    }

    private void MakeRoom()
    {
        var held = _end - _start;
        if (held == 0)
        {
            _start = _end = 0;
        }
        else if (_end == _buffer.Length)
        {
            var into = held > _buffer.Length / 2 ? ArrayPool<byte>.Shared.Rent(_buffer.Length * 2) : _buffer;
            _buffer.AsSpan(_start, held).CopyTo(into);
            if (into != _buffer)
            {
                ArrayPool<byte>.Shared.Return(_buffer);
                _buffer = into;
            }
            (_start, _end) = (0, held);
        }
    }
}
