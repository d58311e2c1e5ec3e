using SessionOperator.Sidecar.Journal;
using SessionOperator.Sidecar.Sessions;

namespace SessionOperator.Sidecar.Handover;

/// <summary>One entry of a batch; exactly one of record and row is set.</summary>
public sealed record HandedEntry
{
    public SessionRecord? Record { get; init; }

    /// <summary>Number of the record's <see cref="Journal.Fence"/> where it comes from.</summary>
    public int Fence { get; init; }

    /// <summary>The shared cache is lost, and the record is the newest there can be all the same.</summary>
    public bool Sole { get; init; }

    public RowUpdate? Row { get; init; }

    /// <summary>Which change of what this is: the same entry again has the same words.</summary>
    internal (string Identity, long Version) Mark => Record is { } record ? ("session\n" + record.Key, record.Version) : ("row\n" + Row!.Identity, Row.Version);
}
