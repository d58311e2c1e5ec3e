using System.Diagnostics;
using System.IO.MemoryMappedFiles;
using System.Security.Cryptography;
using SessionOperator.Protocol.Fleet;

namespace SessionOperator.Sidecar.Control;

/// <summary>The mode page: what the app reads from memory on every save (docs/reference/sidecar-api.md).</summary>
internal sealed unsafe class ModePage : IDisposable
{
    public const int Bytes = 4096;
    public const ushort FullRamp = 1000;
    private const int PlainAt = 5;

    [Flags]
    public enum Flag : byte
    {
        None = 0,
        Readable = 1,
        Autonomous = 2,
        Leaving = 4,
        Silent = 8,
        Unattended = 16,
    }

    // Apps take the sidecar for dead after a second: three beats may be late. Each one costs the app's processor a wake-up.
    private static readonly TimeSpan HeartbeatInterval = TimeSpan.FromMilliseconds(250);

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly Timer _heartbeat;
    private readonly Lock _lock = new();
    private byte* _page; // null once the page is closed

    /// <summary>Creates the page, or takes over the one that is there without shortening it: apps have it mapped.</summary>
    /// <param name="path">Where apps look for it.</param>
    /// <param name="deadline">How long a database call made for a session may take.</param>
    public ModePage(string path, TimeSpan deadline)
    {
        using (var stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite))
        {
            if (stream.Length < Bytes)
            {
                // Real blocks, not a hole: a full volume must fail here and not as SIGBUS in the app.
                stream.Write(new byte[Bytes]);
                stream.Flush(true);
            }

            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
        }

        _file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.ReadWrite);
        _view = _file.CreateViewAccessor(0, Bytes);
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _page);
        Volatile.Write(ref *(uint*)(_page + 32), (uint)deadline.TotalMilliseconds);
        Volatile.Write(ref *(ulong*)(_page + 24), BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)) | 1);
        _page[4] = 1;
        "SOMP"u8.CopyTo(new Span<byte>(_page, 4));
        Beat();
        // On the thread pool on purpose: a pool that no longer runs is a sidecar that no longer answers.
        _heartbeat = new Timer(_ => Beat(), null, HeartbeatInterval, HeartbeatInterval);
    }

    /// <summary>Shows a mode to all apps of the pod, in one store. A page that is closed keeps what it showed: a probe may outlast it.</summary>
    public void Show(Mode mode, Flag flags, ulong epoch, ushort ramp = FullRamp)
    {
        var word = (ulong)(byte)mode | ((ulong)(byte)flags << 8) | ((ulong)ramp << 16) | (epoch << 32);
        var plain = mode == Mode.Normal && ramp == FullRamp;
        lock (_lock)
        {
            if (_page is null)
            {
                return;
            }

            // Whoever reads that it is plain needs not look at the word: so it never is while the word says anything else.
            if (!plain)
            {
                Volatile.Write(ref _page[PlainAt], 0);
                Interlocked.MemoryBarrier();
            }

            Volatile.Write(ref *(ulong*)(_page + 8), word);
            if (plain)
            {
                Volatile.Write(ref _page[PlainAt], 1);
            }
        }
    }

    public void Dispose()
    {
        _heartbeat.Dispose();
        lock (_lock)
        {
            _page = null;
            _view.SafeMemoryMappedViewHandle.ReleasePointer();
            _view.Dispose();
            _file.Dispose();
        }
    }

    private void Beat()
    {
        lock (_lock)
        {
            if (_page is not null)
            {
                Volatile.Write(ref *(ulong*)(_page + 16), (ulong)(Stopwatch.GetTimestamp() / (Stopwatch.Frequency / 1000)));
            }
        }
    }
}
