namespace SessionOperator.Operator.Housekeeping.Events;

/// <summary>What an event is about.</summary>
public sealed record Subject(string ApiVersion, string Kind, string Namespace, string Name, string Uid)
{
    public override string ToString() => $"{Kind} {Namespace}/{Name}";
}

/// <summary>Something that people should find in `kubectl describe`, to be written as an event.</summary>
/// <param name="About">The object.</param>
/// <param name="Warning">Somebody should do something; otherwise it is only told.</param>
/// <param name="Reason">One word, stable.</param>
/// <param name="Message">Why, for people; one line.</param>
public sealed record Note(Subject About, bool Warning, string Reason, string Message)
{
    /// <summary>Notes of the same object and key are one event, whoever writes them: replicas that follow each other do not repeat it.</summary>
    public string? Key { get; init; }

    /// <summary>When it happened; null: when it is written.</summary>
    public DateTimeOffset? At { get; init; }

    /// <summary>Not written any more when this is cancelled: somebody else's to write by then.</summary>
    public CancellationToken Until { get; init; }
}
