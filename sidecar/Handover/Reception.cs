using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Cache;
using SessionOperator.Sidecar.Control;
using SessionOperator.Sidecar.Journal;
using SessionOperator.Sidecar.Sessions;

namespace SessionOperator.Sidecar.Handover;

/// <summary>
/// Keeps what a leaving sidecar acknowledged as if it had been acknowledged here: in the journal, on the disk, under the same rules.
/// A batch that comes twice changes nothing the second time.
/// </summary>
internal sealed class Reception(ModeController mode, SessionJournal journal, Backends backends, KeyLocks locks, Func<bool> leaving, ILogger log)
{
    /// <summary>What is newest here although the cache does not tell.</summary>
    public SoleRecords Sole { get; init; } = new();

    /// <summary>Empty when every entry is on the disk, or superseded by what is there; otherwise why nothing may be counted on.</summary>
    public async Task<string> KeepAsync(byte[] batch)
    {
        if (leaving())
        {
            return "this sidecar is leaving too";
        }

        if (backends.Current is not { Rows: not null })
        {
            return "no app has said here how to reach the database";
        }

        try
        {
            var entries = HandoverBatch.Decode(batch);
            mode.Met();
            await Task.WhenAll(entries.Select(KeepAsync));
            SidecarMetrics.HandedOver.WithLabels("in").Inc(entries.Count);
            log.HandoverKept(entries.Count);
            return "";
        }
        catch (FormatException e)
        {
            return e.Message;
        }
        catch (JournalException e)
        {
            log.JournalWriteFailed(e.Message);
            return e.Message;
        }
        catch (Exception e)
        {
            // The edge: without an answer the sender would wait, and nobody would hear of the defect.
            log.RequestFailed("handover", e.GetType().Name);
            return "a defect of the sidecar: " + e.GetType().Name;
        }
    }

    private Task KeepAsync(HandedEntry entry) => entry.Record is { } record ? KeepAsync(record, (Fence)entry.Fence, entry.Sole) : journal.PutAsync(entry.Row!);

    private async Task KeepAsync(SessionRecord handed, Fence fence, bool sole)
    {
        using var _ = await locks.EnterAsync(handed.Key, CancellationToken.None);
        var own = journal.Get(handed.Key);
        var newest = SessionRecord.Newest(own, handed)!;
        if (ReferenceEquals(newest, handed) && own is not null && own.Version >= handed.Version)
        {
            // A tombstone wins whatever its number: the number has to say so too.
            newest = handed with { Version = own.Version + 1 };
        }

        // Also what is here already: it may not be on the disk yet, and the other copy is about to go.
        await journal.PutAsync(newest, durable: true, ReferenceEquals(newest, own) ? Fence.Whole : Behind(handed, fence));
        if (sole && ReferenceEquals(newest, handed))
        {
            Sole.Add(handed.Key, born: false, lostFor: null);
        }
    }

    // The sender saw nobody pass, and neither did this sidecar since: only then is the record still the newest there can be.
    private Fence Behind(SessionRecord handed, Fence fence)
    {
        var state = mode.State;
        return state.Mode != Mode.Normal && state.Decision is { } decision && decision.LastNormalEpoch <= handed.Epoch ? fence : Fence.Passed;
    }
}
