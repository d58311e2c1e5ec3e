using System.Buffers.Binary;
using System.Diagnostics;
using System.IO.MemoryMappedFiles;
using SessionOperator.Sidecar.Control;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Sidecar.Tests.Control;

/// <summary>The page as docs/reference/sidecar-api.md lays it out, read through a mapping of the test's own.</summary>
public sealed class ModePageTests : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMilliseconds(1234);

    private readonly TempDirectory _directory = new();
    private readonly string _path;

    public ModePageTests() => _path = _directory["mode"];

    public void Dispose() => _directory.Dispose();

    private sealed class Reader : IDisposable
    {
        private readonly MemoryMappedFile _file;
        private readonly MemoryMappedViewAccessor _view;

        public Reader(string path)
        {
            _file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
            _view = _file.CreateViewAccessor(0, 4096, MemoryMappedFileAccess.Read);
        }

        public byte[] Bytes(int from, int count)
        {
            var bytes = new byte[count];
            _view.ReadArray(from, bytes, 0, count);
            return bytes;
        }

        public ulong Number(int from, int size) => BinaryPrimitives.ReadUInt64LittleEndian([.. Bytes(from, size), .. new byte[8 - size]]);

        public void Dispose()
        {
            _view.Dispose();
            _file.Dispose();
        }
    }

    [Fact]
    public void Every_field_is_where_the_reference_says()
    {
        using var page = new ModePage(_path, Deadline);
        using var reader = new Reader(_path);
        page.Show(Mode.Cache, ModePage.Flag.Readable | ModePage.Flag.Leaving, 0x1_2345_6789, ramp: 999);
        Assert.Equal("SOMP"u8.ToArray(), reader.Bytes(0, 4));
        Assert.Equal(new byte[] { 1, 0, 0, 0 }, reader.Bytes(4, 4)); // not plain
        Assert.Equal(2, reader.Bytes(8, 1)[0]);
        Assert.Equal(0b101, reader.Bytes(9, 1)[0]);
        Assert.Equal(999UL, reader.Number(10, 2));
        Assert.Equal(0x2345_6789UL, reader.Number(12, 4));
        Assert.NotEqual(0UL, reader.Number(24, 8));
        Assert.Equal(1234UL, reader.Number(32, 4));
        Assert.Equal(4096, new FileInfo(_path).Length);
    }

    [Theory]
    [InlineData(Mode.Normal, 0)]
    [InlineData(Mode.SkipSave, 1)]
    [InlineData(Mode.Cache, 2)]
    [InlineData(Mode.Drain, 3)]
    public void Modes_have_the_numbers_of_the_reference(Mode mode, byte number)
    {
        using var page = new ModePage(_path, Deadline);
        using var reader = new Reader(_path);
        page.Show(mode, ModePage.Flag.Autonomous, 1);
        Assert.Equal(new byte[] { number, 0b10, 0xE8, 0x03, 1, 0, 0, 0 }, reader.Bytes(8, 8));
    }

    [Fact]
    public void It_is_plain_while_the_mode_is_Normal_and_all_saves_are_the_engines()
    {
        using var page = new ModePage(_path, Deadline);
        using var reader = new Reader(_path);
        Assert.Equal(0, reader.Bytes(5, 1)[0]);
        foreach (var (mode, ramp, plain) in new (Mode, ushort, byte)[]
        {
            (Mode.Normal, 1000, 1), (Mode.Cache, 1000, 0), (Mode.Normal, 999, 0), (Mode.Normal, 1000, 1), (Mode.SkipSave, 1000, 0), (Mode.Drain, 1000, 0),
        })
        {
            page.Show(mode, ModePage.Flag.Autonomous, 1, ramp);
            Assert.Equal(plain, reader.Bytes(5, 1)[0]);
        }
    }

    [Fact]
    public async Task It_is_never_plain_while_the_word_says_anything_else()
    {
        using var page = new ModePage(_path, Deadline);
        using var mapped = MemoryMappedFile.CreateFromFile(_path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        using var view = mapped.CreateViewAccessor(0, 4096, MemoryMappedFileAccess.Read);
        using var over = new CancellationTokenSource();
        var writing = Task.Run(() =>
        {
            for (uint epoch = 1; !over.IsCancellationRequested; epoch++)
            {
                page.Show(epoch % 2 == 0 ? Mode.Normal : Mode.Cache, ModePage.Flag.None, epoch);
            }
        }, TestContext.Current.CancellationToken);
        // The epoch tells whether the word was the same before and after.
        for (var unchanged = 0; unchanged < 200_000;)
        {
            var before = view.ReadUInt64(8);
            var plain = view.ReadByte(5);
            if (view.ReadUInt64(8) == before)
            {
                unchanged++;
                Assert.False(plain == 1 && (byte)before != 0, "the page was plain in Cache");
            }
        }

        await over.CancelAsync();
        await writing;
    }

    [Fact]
    public async Task The_heartbeat_is_the_monotonic_clock_in_milliseconds_and_goes_on_until_the_end()
    {
        ulong last;
        using (var reader = new Reader(CreatedPage()))
        {
            using (new ModePage(_path, Deadline))
            {
                // CLOCK_MONOTONIC, which is what .NET's Stopwatch reads on Linux, and Python's time.monotonic().
                var now = (ulong)Stopwatch.GetElapsedTime(0).TotalMilliseconds;
                var first = reader.Number(16, 8);
                Assert.InRange(first, now - 1000, now + 10);
                await Eventually.True(() => reader.Number(16, 8) > first);
            }

            last = reader.Number(16, 8);
            await Eventually.True(() => (ulong)Stopwatch.GetElapsedTime(0).TotalMilliseconds > last + 300);
            Assert.Equal(last, reader.Number(16, 8));
        }
    }

    [Fact]
    public void A_restarted_sidecar_writes_into_the_same_file_and_apps_see_it_with_another_instance()
    {
        using var reader = new Reader(CreatedPage());
        var inode = Inode(_path);
        var instance = reader.Number(24, 8);
        using var page = new ModePage(_path, TimeSpan.FromMilliseconds(777));
        Assert.NotEqual(instance, reader.Number(24, 8));
        page.Show(Mode.Drain, ModePage.Flag.None, 5);
        Assert.Equal((3, 777UL), (reader.Bytes(8, 1)[0], reader.Number(32, 4)));
        Assert.Equal(inode, Inode(_path));
    }

    [Fact]
    public void A_restart_does_not_change_the_mode_before_it_knows_better()
    {
        using (var page = new ModePage(_path, Deadline))
        {
            page.Show(Mode.Cache, ModePage.Flag.Readable, 5);
        }

        using var reader = new Reader(_path);
        using var again = new ModePage(_path, Deadline);
        Assert.Equal(2, reader.Bytes(8, 1)[0]);
    }

    [Fact]
    public void A_page_longer_than_ours_is_not_shortened()
    {
        File.WriteAllBytes(_path, new byte[8192]);
        using var page = new ModePage(_path, Deadline);
        Assert.Equal(8192, new FileInfo(_path).Length);
    }

    [Fact]
    public void Apps_run_as_other_users_and_may_read_but_not_write_it()
    {
        using var page = new ModePage(_path, Deadline);
        Assert.Equal((UnixFileMode)0b110_100_100, File.GetUnixFileMode(_path));
    }

    [Fact]
    public void A_page_shorter_than_ours_is_filled_with_real_blocks()
    {
        File.WriteAllBytes(_path, new byte[10]);
        using var page = new ModePage(_path, Deadline);
        Assert.Equal(4096, new FileInfo(_path).Length);
        Assert.True(Stat(_path).Blocks >= 8);
    }

    private string CreatedPage()
    {
        using var page = new ModePage(_path, Deadline);
        return _path;
    }

    private static ulong Inode(string path) => Stat(path).Inode;

    private static (ulong Inode, long Blocks) Stat(string path)
    {
        var start = new ProcessStartInfo("stat", ["--format=%i %b", path]) { RedirectStandardOutput = true };
        using var stat = Process.Start(start)!;
        var words = stat.StandardOutput.ReadToEnd().Split();
        stat.WaitForExit();
        return (ulong.Parse(words[0]), long.Parse(words[1]));
    }

    [Fact]
    public void What_is_said_after_the_end_is_not_written_anywhere()
    {
        var page = new ModePage(_path, Deadline);
        using var reader = new Reader(_path);
        page.Show(Mode.Cache, ModePage.Flag.Leaving, 1);
        page.Dispose();
        page.Show(Mode.Normal, ModePage.Flag.None, 2); // as a probe that was under way does
        Assert.Equal(2, reader.Bytes(8, 1)[0]);
    }
}
