using SessionOperator.Operator.Api;
using SessionOperator.Operator.Signals;

namespace SessionOperator.Operator.Decisions;

/// <summary>A connected sidecar as the operator knows it.</summary>
public sealed class Member(string id, string name, DateTimeOffset joinedAt)
{
    public string Id => id;

    /// <summary>Pod name, for people.</summary>
    public string Name => name;

    public DateTimeOffset JoinedAt { get; } = joinedAt;

    /// <summary>The epoch it has said is in force there, on this connection; null before its first ack.</summary>
    public ulong? Acked { get; internal set; }

    /// <summary>Since that ack its newest report said that nothing is unsaved. Every new ack asks anew.</summary>
    public bool EmptySinceAck { get; internal set; }

    public ulong Unsaved { get; internal set; }

    public bool CanProbe { get; internal set; }

    /// <summary>The adapter is loaded in its pod.</summary>
    public bool Loaded { get; internal set; }

    public bool Autonomous { get; internal set; }

    /// <summary>What it came with, while it still is in the fallback of its own that it came with.</summary>
    public Claim? CameAlone { get; internal set; }

    /// <summary>Why it skips saves instead of offering Cache; empty when it does not.</summary>
    public string Limit { get; internal set; } = "";

    public DateTimeOffset HeardAt { get; internal set; } = joinedAt;
}

/// <summary>
/// Everything the operator knows of one database and its fleet, without any I/O: the controller feeds it what
/// arrives and carries out what it proposes. Not thread-safe; one loop owns it.
/// </summary>
/// <param name="policy">What the user chose.</param>
/// <param name="initial">The state in force.</param>
/// <param name="others">The other replicas; null where there cannot be any.</param>
public sealed class Supervisor(Policy policy, DatabaseState initial, OtherReplicas? others = null)
{
    private static readonly TimeSpan s_chooseAgain = TimeSpan.FromMilliseconds(250);
    private readonly Dictionary<string, Member> _members = [];
    private readonly List<string> _order = [];
    private Probers _probers = Probers.None;
    private Claim? _claim;
    private DateTimeOffset? _askedAt;
    private FleetView? _fleet;
    private Signal? _lastProbe;
    private string _answers = "";
    private bool _rosterChanged = true;
    private DateTimeOffset _chosenAt;
    private bool _takenOver = initial.Decision.Mode != Mode.Normal;
    private DateTimeOffset? _gatheredAt;

    /// <summary>What the user chose; a change counts from the next decision on.</summary>
    public Policy Policy { get; set; } = policy;

    /// <summary>The state in force: what the store holds.</summary>
    public DatabaseState State { get; private set; } = initial;

    public Observations Seen { get; private set; } = Observations.None;

    public IReadOnlyCollection<Member> Members => _members.Values;

    /// <summary>Grows by one when the probers are to probe at once.</summary>
    public uint ProbeNow { get; private set; }

    /// <summary>The newest word of a prober of ours that says whether the database takes writes; null when there is none.</summary>
    public Signal? LastProbe => _lastProbe is { } last && IsProber(last.Reporter) ? last : null;

    /// <summary>The other replicas' questions that it answers.</summary>
    public string Answers => _answers;

    /// <summary>One of our sidecars, told to probe.</summary>
    public bool IsProber(string id) => _probers.Since.ContainsKey(id);

    /// <summary>The sidecars of all replicas. Counted once after each change.</summary>
    public FleetView Fleet() => _fleet ??= others is null ? Own() : Own().With(others, State.Decision.Epoch);

    /// <summary>The sidecars connected to this replica.</summary>
    public FleetView Own()
    {
        var epoch = State.Decision.Epoch;
        int acked = 0, drained = 0;
        ulong unsaved = 0;
        foreach (var member in _members.Values)
        {
            unsaved += member.Unsaved;
            if (member.Acked == epoch)
            {
                acked++;
                drained += member.EmptySinceAck ? 1 : 0;
            }
        }
        return new FleetView(_members.Count, acked, drained, unsaved, [.. _probers.Since.Keys], !_takenOver);
    }

    public Member Join(string id, string name, Claim claim, DateTimeOffset now)
    {
        Leave(id);
        var member = new Member(id, name, now) { Autonomous = claim.Alone, CameAlone = claim.Alone ? claim : null };
        _members.Add(id, member);
        _order.Add(id);
        Changed(roster: true);
        if (!(_claim?.Epoch >= claim.Epoch))
        {
            _claim = claim;
        }
        return member;
    }

    public void Leave(string id)
    {
        if (_members.Remove(id))
        {
            _order.Remove(id);
            Changed(roster: true);
            Seen = Seen.Without(id);
        }
    }

    public void Ack(string id, ulong epoch, DateTimeOffset now)
    {
        if (_members.TryGetValue(id, out var member))
        {
            member.HeardAt = now;
            if (member.Acked != epoch)
            {
                member.Acked = epoch;
                member.EmptySinceAck = false;
                Changed(roster: false);
            }
        }
    }

    public void Report(string id, ulong unsaved, bool canProbe, bool autonomous, DateTimeOffset now, string limit = "", bool loaded = true)
    {
        if (_members.TryGetValue(id, out var member))
        {
            Changed(roster: canProbe != member.CanProbe);
            member.HeardAt = now;
            member.Unsaved = unsaved;
            member.EmptySinceAck = unsaved == 0;
            member.CanProbe = canProbe;
            member.Autonomous = autonomous;
            member.CameAlone = autonomous ? member.CameAlone : null;
            member.Limit = limit;
            member.Loaded = loaded || canProbe;
        }
    }

    public void Observe(Signal signal)
    {
        if (_members.TryGetValue(signal.Reporter, out var member))
        {
            member.HeardAt = signal.HeardAt;
        }
        if (signal.Origin == SignalOrigin.Probe && IsProber(signal.Reporter)
            && signal.Kind is SignalKind.Writable or SignalKind.ReadOnly or SignalKind.Unreachable or SignalKind.Deadline)
        {
            _lastProbe = signal;
            _answers = signal.At >= others?.AskedAt ? others.Asked : _answers;
        }
        Seen = Seen.With(signal with { FromProber = IsProber(signal.Reporter) }, State, Policy);
    }

    /// <summary>Takes in what other replicas have written.</summary>
    public void Learn(IReadOnlyDictionary<string, FleetEntry> written, DateTimeOffset now)
    {
        var asked = others!.Asked;
        foreach (var signal in others.Learn(written, now))
        {
            Seen = Seen.With(signal with { FromProber = true }, State, Policy);
        }
        // A question that has gone with its replica wants no answer, and one more probe harms nobody.
        ProbeNow += others.Asked != asked && others.Asked.Length > 0 ? 1u : 0u;
        var probers = others.Probers.ToHashSet();
        foreach (var gone in Seen.Tracks.Keys.Where(id => OtherReplicas.IsTheirs(id) && !probers.Contains(id)))
        {
            Seen = Seen.Without(gone);
        }
        Changed(roster: true);
    }

    /// <summary>The store holds this now. An older epoch than the one in force is refused: epochs never go back.</summary>
    public bool Adopt(DatabaseState state)
    {
        if (state.Decision.Epoch < State.Decision.Epoch)
        {
            return false;
        }
        State = state;
        Changed(roster: false);
        return true;
    }

    /// <summary>The state that should be next, at most one transition away; the one in force when nothing is to be done.</summary>
    public DatabaseState Propose(DateTimeOffset now)
    {
        Gather(now);
        if (_claim is { } claim)
        {
            var rebuilt = Reconstruction.Judge(State, claim, Policy, now);
            if (!ReferenceEquals(rebuilt, State))
            {
                return Rebuilt(rebuilt, now);
            }
            _claim = null;
        }
        var met = Reconstruction.Judge(State, [.. _members.Values.Select(m => m.CameAlone).OfType<Claim>()], Policy, now);
        if (!ReferenceEquals(met, State))
        {
            return Rebuilt(met, now);
        }
        return DecisionCore.Decide(State, Seen, Fleet(), Policy, now);
    }

    /// <summary>Chooses the probers and tells them to hurry where that helps. To be called after every change.</summary>
    public void Direct(DateTimeOffset now)
    {
        if (others?.Pass(State.Decision.Mode != Mode.Normal, now) is true)
        {
            Changed(roster: true);
        }
        if (_rosterChanged || now - _chosenAt >= s_chooseAgain)
        {
            (_rosterChanged, _chosenAt) = (false, now);
            var chosen = ProberChoice.Choose(
                _probers, [.. _order.Select(id => new Candidate(id, _members[id].CanProbe))], Seen, now,
                others?.ProbersOfOurs(_members.Values.Any(member => member.CanProbe)) ?? ProberChoice.AtMost);
            if (!ReferenceEquals(chosen, _probers))
            {
                _probers = chosen;
                Changed(roster: false);
            }
        }
        if (ProbeRequests.IsDue(State, Seen, _askedAt, now))
        {
            _askedAt = now;
            ProbeNow++;
            others?.Ask(now);
        }
    }

    private DatabaseState Rebuilt(DatabaseState state, DateTimeOffset now)
    {
        (_takenOver, _gatheredAt) = (true, now + Policy.Gather);
        Changed(roster: false);
        return state;
    }

    // From the first sidecar that is back.
    private void Gather(DateTimeOffset now)
    {
        if (!_takenOver || _members.Count == 0)
        {
            return;
        }
        _gatheredAt ??= now + Policy.Gather;
        if (now >= _gatheredAt)
        {
            _takenOver = false;
            Changed(roster: false);
        }
    }

    private void Changed(bool roster)
    {
        _fleet = null;
        _rosterChanged |= roster;
    }
}
