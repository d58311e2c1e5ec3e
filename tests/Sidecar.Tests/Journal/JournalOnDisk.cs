using Microsoft.Extensions.Logging.Abstractions;
using SessionOperator.Sidecar.Journal;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Sidecar.Tests.Journal;

/// <summary>A journal's directory, and what a test does to the file in it.</summary>
internal sealed class JournalOnDisk : IDisposable
{
    private readonly TempDirectory _directory = new();

    public string File => _directory["journal.log"];

    public string[] KeptAside => [.. Directory.GetFiles(_directory.Path, "journal.damaged-*").Order()];

    public SessionJournal Open(long maxLiveBytes = 64 * 1024 * 1024) =>
        SessionJournal.Open(_directory.Path, NullLogger.Instance, maxLiveBytes);

    /// <summary>Opens, uses and closes the journal.</summary>
    public async Task With(Func<SessionJournal, Task> use)
    {
        await using var journal = Open();
        await use(journal);
    }

    public async Task<T> With<T>(Func<SessionJournal, T> use)
    {
        await using var journal = Open();
        return use(journal);
    }

    /// <summary>Puts records with these keys, one frame each; returns where the frames end.</summary>
    public async Task<int[]> Fill(params string[] keys)
    {
        var ends = new List<int>();
        await With(async journal =>
        {
            foreach (var key in keys)
            {
                await journal.PutAsync(Make.Record(key, data: "data of " + key), durable: true);
                ends.Add((int)new FileInfo(File).Length);
            }
        });
        return [.. ends];
    }

    /// <summary>The keys of the records a fresh start finds.</summary>
    public Task<string[]> Keys() => With(journal => journal.AllRecords().Select(r => r.Key).Order().ToArray());

    public void Dispose() => _directory.Dispose();
}
