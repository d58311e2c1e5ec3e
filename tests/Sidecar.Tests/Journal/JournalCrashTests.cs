using System.Text;
using SessionOperator.Sidecar.Journal;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Sidecar.Tests.Journal;

public class JournalCrashTests
{
    [Fact]
    public async Task A_journal_cut_at_any_byte_of_its_last_record_loses_that_one_and_no_other()
    {
        using var disk = new JournalOnDisk();
        var ends = await disk.Fill("a", "b", "c");
        var whole = File.ReadAllBytes(disk.File);
        for (var length = ends[1]; length < ends[2]; length++)
        {
            File.WriteAllBytes(disk.File, whole[..length]);
            Assert.Equal(["a", "b"], await disk.Keys());
            Assert.Equal(ends[1], new FileInfo(disk.File).Length);
        }

        Assert.Empty(disk.KeptAside);
        File.WriteAllBytes(disk.File, whole);
        Assert.Equal(["a", "b", "c"], await disk.Keys());
    }

    [Fact]
    public async Task What_is_acknowledged_after_a_torn_record_is_there_at_the_next_start()
    {
        using var disk = new JournalOnDisk();
        var ends = await disk.Fill("a", "b");
        File.WriteAllBytes(disk.File, File.ReadAllBytes(disk.File)[..(ends[1] - 1)]);
        await disk.Fill("c");
        Assert.Equal(["a", "c"], await disk.Keys());
        Assert.Empty(disk.KeptAside);
    }

    [Fact]
    public async Task Damage_anywhere_in_a_record_costs_that_one_and_the_file_is_kept_as_found()
    {
        var ends = Array.Empty<int>();
        for (var at = 0; ends.Length == 0 || at < ends[1] - ends[0]; at++)
        {
            using var disk = new JournalOnDisk();
            ends = await disk.Fill("a", "b", "c", "d");
            var damaged = File.ReadAllBytes(disk.File);
            damaged[ends[0] + at] ^= 0x41;
            File.WriteAllBytes(disk.File, damaged);
            Assert.Equal(["a", "c", "d"], await disk.Keys());
            Assert.Equal(damaged, File.ReadAllBytes(Assert.Single(disk.KeptAside)));
        }
    }

    [Fact]
    public async Task Damage_is_reported_and_kept_once_and_not_at_every_start()
    {
        using var disk = new JournalOnDisk();
        var ends = await disk.Fill("a", "b", "c");
        var damaged = File.ReadAllBytes(disk.File);
        damaged[ends[0] + 20] ^= 1;
        File.WriteAllBytes(disk.File, damaged);
        Assert.Equal(["a", "c"], await disk.Keys());
        await disk.Fill("d");
        Assert.Equal(["a", "c", "d"], await disk.Keys());
        Assert.Single(disk.KeptAside);
    }

    [Fact]
    public async Task A_second_damage_is_kept_beside_the_first()
    {
        using var disk = new JournalOnDisk();
        foreach (var n in new[] { 1, 2 })
        {
            await disk.Fill($"a{n}", $"b{n}");
            var damaged = File.ReadAllBytes(disk.File);
            damaged[20] ^= 1;
            File.WriteAllBytes(disk.File, damaged);
            await disk.Keys();
        }

        Assert.Equal(["journal.damaged-1", "journal.damaged-2"], disk.KeptAside.Select(Path.GetFileName));
        Assert.All(disk.KeptAside, kept => Assert.Equal((UnixFileMode)0b110_000_000, File.GetUnixFileMode(kept)));
    }

    [Fact]
    public async Task Damage_before_a_torn_record_loses_no_third_one()
    {
        using var disk = new JournalOnDisk();
        var ends = await disk.Fill("a", "b", "c", "d");
        var damaged = File.ReadAllBytes(disk.File)[..(ends[3] - 5)];
        damaged[ends[0] + 20] ^= 1;
        File.WriteAllBytes(disk.File, damaged);
        await disk.Fill("e");
        Assert.Equal(["a", "c", "e"], await disk.Keys());
    }

    [Fact]
    public async Task Damage_in_a_last_record_that_is_whole_is_no_torn_record_and_is_kept_for_a_person_to_look_at()
    {
        using var disk = new JournalOnDisk();
        var ends = await disk.Fill("a", "b");
        var damaged = File.ReadAllBytes(disk.File);
        damaged[ends[0] + 30] ^= 1;
        File.WriteAllBytes(disk.File, damaged);
        Assert.Equal(["a"], await disk.Keys());
        Assert.Equal(damaged, File.ReadAllBytes(Assert.Single(disk.KeptAside)));
    }

    [Fact]
    public async Task A_file_that_is_no_journal_is_kept_aside_and_a_new_one_begun()
    {
        using var disk = new JournalOnDisk();
        var garbage = new byte[5000];
        new Random(1).NextBytes(garbage);
        File.WriteAllBytes(disk.File, garbage);
        await disk.Fill("a");
        Assert.Equal(["a"], await disk.Keys());
        Assert.Equal(garbage, File.ReadAllBytes(Assert.Single(disk.KeptAside)));
    }

    [Fact]
    public async Task Blocks_a_crash_left_unwritten_are_no_damage()
    {
        using var disk = new JournalOnDisk();
        await disk.Fill("a");
        File.WriteAllBytes(disk.File, [.. File.ReadAllBytes(disk.File), .. new byte[4096]]);
        await disk.Fill("b");
        Assert.Equal(["a", "b"], await disk.Keys());
        Assert.Empty(disk.KeptAside);
    }

    [Theory]
    [InlineData("""{"handover":{"to":"web-2"}}""")]
    [InlineData("""{"record":{"key":"z","order":[1]}}""")]
    [InlineData("[]")]
    public async Task An_entry_this_version_does_not_know_is_stepped_over_and_the_file_kept(string entry)
    {
        using var disk = new JournalOnDisk();
        await disk.Fill("a");
        using (var stream = new FileStream(disk.File, FileMode.Append))
        {
            JournalFrame.Append(stream, Encoding.UTF8.GetBytes(entry));
        }

        await disk.Fill("b");
        Assert.Equal(["a", "b"], await disk.Keys());
        Assert.Single(disk.KeptAside);
    }

    [Fact]
    public async Task A_field_a_later_version_adds_to_an_entry_is_no_reason_to_drop_the_entry()
    {
        using var disk = new JournalOnDisk();
        using (var stream = new FileStream(disk.File, FileMode.Append))
        {
            JournalFrame.Append(stream, """{"record":{"key":"a","version":2,"tenant":"x"},"shard":4}"""u8);
        }

        Assert.Equal(["a"], await disk.Keys());
        Assert.Empty(disk.KeptAside);
    }

    [Fact]
    public async Task Whatever_random_damage_leaves_whole_is_read_and_nothing_throws()
    {
        var random = new Random(20260131);
        for (var round = 0; round < 200; round++)
        {
            using var disk = new JournalOnDisk();
            string[] keys = ["a", "b", "c", "d", "e", "f"];
            var ends = await disk.Fill(keys);
            var bytes = File.ReadAllBytes(disk.File);
            var from = random.Next(bytes.Length);
            var length = random.Next(1, 400);
            for (var i = from; i < Math.Min(bytes.Length, from + length); i++)
            {
                bytes[i] = (byte)random.Next(256);
            }

            File.WriteAllBytes(disk.File, bytes);
            var starts = ends.Prepend(0).ToArray();
            var untouched = keys.Where((_, i) => ends[i] <= from || starts[i] >= from + length).ToArray();
            Assert.Superset(untouched.ToHashSet(), (await disk.Keys()).ToHashSet());
        }
    }
}
