using SessionOperator.Operator.Api.Schema;

namespace SessionOperator.Operator.Api;

[Described("What is believed of the database, what the apps are told, and who obeys. Written by the operator alone.")]
public sealed record SessionDatabaseStatus
{
    [Described("What we believe of the database.")]
    public Phase? Phase { get; init; }

    [Described("What the apps are told.")]
    public Mode? Mode { get; init; }

    [Described("Number of the decision in force. Grows with every transition.")]
    [Bounds(0, long.MaxValue)]
    public ulong? Epoch { get; init; }

    [Described("Why, for people.")]
    public string? Reason { get; init; }

    [Described("Since when.")]
    public DateTimeOffset? Since { get; init; }

    [Described("Sidecars connected to all replicas of the operator.")]
    public int? Sidecars { get; init; }

    [Described("Acknowledged session changes that the database has not seen yet, over all sidecars.")]
    public ulong? Unsaved { get; init; }

    [Described("What is right and wrong with this database, for people and tools.")]
    [KeyedBy("type")]
    public IReadOnlyList<Condition>? Conditions { get; init; }

    [Described("What each replica of the operator knows of the sidecars connected to it, by its pod's name.")]
    public IReadOnlyDictionary<string, FleetEntry>? Fleet { get; init; }

    [Described("The outage that goes on, or the last one.")]
    public LastOutage? LastOutage { get; init; }

    [Described("What the decision rests on; lets another replica go on where one stopped. For the operator itself.")]
    public DecisionBasis? Basis { get; init; }
}

[Described("One aspect, true or false.")]
public sealed record Condition
{
    [Described("Which aspect.")]
    [Must, Bounds(1, 316)]
    public string Type { get; init; } = "";

    [Described("Whether it is so.")]
    [Must, OneOf("True", "False", "Unknown")]
    public string Status { get; init; } = "Unknown";

    [Described("Why, as one word.")]
    [Must, Bounds(1, 1024)]
    public string Reason { get; init; } = "";

    [Described("Why, for people.")]
    [Must]
    public string Message { get; init; } = "";

    [Described("Since when.")]
    [Must]
    public DateTimeOffset LastTransitionTime { get; init; }

    [Described("The generation of the spec that was judged.")]
    public long? ObservedGeneration { get; init; }
}

[Described("One replica's sidecars.")]
public sealed record FleetEntry
{
    [Described("Random, new at every start of the replica.")]
    public string Instance { get; init; } = "";

    [Described("The replica is stopping: these sidecars are on their way to other replicas.")]
    public bool? Leaving { get; init; }

    [Described("Sidecars connected to this replica.")]
    public int Connected { get; init; }

    [Described("The epoch that the next two counts are of.")]
    public ulong Epoch { get; init; }

    [Described("Of these, how many have that epoch in force.")]
    public int Acked { get; init; }

    [Described("Of those, how many have nothing unsaved since.")]
    public int Drained { get; init; }

    [Described("Session changes unsaved, over these sidecars.")]
    public ulong Unsaved { get; init; }

    [Described("Of these, how many can probe the database.")]
    public int CanProbe { get; init; }

    [Described("The newest word of this replica's prober; other replicas hear it before they decide.")]
    public ProbeEntry? Probe { get; init; }

    [Described("Grows when this replica wants to hear the other replicas' probers at once.")]
    public long Asks { get; init; }

    [Described("Session operations rescued by these sidecars in the outage that began at outage.")]
    public ulong Rescued { get; init; }

    [Described("Session changes they have replayed since it began.")]
    public ulong Replayed { get; init; }

    [Described("Session changes they have dropped since it began.")]
    public ulong Lost { get; init; }

    [Described("The outage that rescued, replayed and lost are counted from.")]
    public DateTimeOffset? Outage { get; init; }

    [Described("A sidecar may not write the session table, or finds none: who and why.")]
    public string? Misconfigured { get; init; }

    [Described("A sidecar gets no connection because there are too many: who and why.")]
    public string? Saturated { get; init; }

    [Described("Why a sidecar cannot offer Cache and skips saves instead: who and why.")]
    public string? Limited { get; init; }

    [Described("Of these, how many have an app beside them that has loaded the adapter.")]
    public int Loaded { get; init; }

    [Described("The pods whose app has not loaded the adapter two minutes after the sidecar came.")]
    public string? NotLoaded { get; init; }

    [Described("When the replica wrote this.")]
    public DateTimeOffset Heartbeat { get; init; }
}

[Described("A prober's newest word.")]
public sealed record ProbeEntry
{
    [Described("Writable, or how the probe failed.")]
    [OneOf("Writable", "ReadOnly", "Unreachable", "Deadline")]
    public string Verdict { get; init; } = "";

    [Described("When the probe was made, by the clock of heartbeat.")]
    public DateTimeOffset At { get; init; }

    [Described("The pod that probed.")]
    public string By { get; init; } = "";

    [Described("Error class and code.")]
    public string? Detail { get; init; }

    [Described("Tells one server process from its successor.")]
    public string? Server { get; init; }

    [Described("Which replicas' questions it answers, as replica/asks.")]
    public string? Answers { get; init; }
}

[Described("An outage as the apps went through it.")]
public sealed record LastOutage
{
    [Described("When the apps left Normal.")]
    public DateTimeOffset From { get; init; }

    [Described("When they came back to Normal; nothing while it goes on.")]
    public DateTimeOffset? To { get; init; }

    [Described("Why they left Normal.")]
    public string Reason { get; init; } = "";

    [Described("Session operations that would have failed and did not.")]
    public ulong Rescued { get; init; }

    [Described("Session changes brought to the database afterwards.")]
    public ulong Replayed { get; init; }

    [Described("Session changes that were not: their session was logged out, changed since, or refused by the database.")]
    public ulong Lost { get; init; }
}

[Described("What the decision rests on.")]
public sealed record DecisionBasis
{
    [Described("Grows with every write of the decision or of this.")]
    public long Revision { get; init; }

    [Described("Why, as one word.")]
    public string Cause { get; init; } = "";

    [Described("The newest epoch whose mode was Normal.")]
    public ulong LastNormalEpoch { get; init; }

    [Described("When the first signal that led here was made.")]
    public DateTimeOffset? FirstSignalAt { get; init; }

    [Described("When the mode left Normal; nothing while it is Normal.")]
    public DateTimeOffset? OutageSince { get; init; }

    [Described("Why the mode left Normal, for people.")]
    public string? OutageReason { get; init; }

    [Described("When the mode last came back to Normal.")]
    public DateTimeOffset? ReopenedAt { get; init; }

    [Described("Outages in a row that began shortly after the one before.")]
    public int Flaps { get; init; }

    [Described("The decision rests on signals, not only on what sidecars had in force.")]
    public bool FromSignals { get; init; }

    [Described("An announced event that is being waited out.")]
    public AnnouncedBasis? Announced { get; init; }
}

[Described("An announced event that is being waited out.")]
public sealed record AnnouncedBasis
{
    [Described("Who announced it.")]
    public string Reporter { get; init; } = "";

    [Described("When.")]
    public DateTimeOffset At { get; init; }

    [Described("When it counts as not having happened.")]
    public DateTimeOffset Until { get; init; }

    [Described("Identity of the server that will go; nothing while no probe has told it.")]
    public string? Server { get; init; }

    [Described("Waited out to its end, whatever server is writable meanwhile: a maintenance, a drill.")]
    public bool Holds { get; init; }
}
