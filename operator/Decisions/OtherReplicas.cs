using SessionOperator.Operator.Api;
using SessionOperator.Operator.Signals;

namespace SessionOperator.Operator.Decisions;

/// <summary>
/// What this replica knows of the others and of their sidecars, from what they write. No clocks are compared: an entry ages
/// by the time in which we could see that it did not change. Sidecars of a replica that is gone count on until they have
/// either come back elsewhere or decide by themselves. Not thread-safe; the controller's loop owns it.
/// </summary>
/// <param name="self">This replica's name.</param>
/// <param name="instance">Random, new at every start: what stands under our name with another one is our predecessor's.</param>
/// <param name="timings">How long to wait for whom.</param>
public sealed class OtherReplicas(string self, string instance, ReplicaTimings timings)
{
    private const int MaxQuestions = 8;
    private static readonly TimeSpan s_longestWay = TimeSpan.FromSeconds(1);
    private readonly Dictionary<(string Name, string Instance), Known> _known = [];
    private readonly List<(long Number, DateTimeOffset At)> _asked = [];
    private DateTimeOffset? _sawAt;
    private bool _outage;

    public string Self => self;

    public string Instance => instance;

    /// <summary>Entries that count, of replicas that live and of those whose sidecars may still be on their way.</summary>
    public IEnumerable<FleetEntry> Counting => _known.Values.Where(known => !known.Dropped).Select(known => known.Entry);

    /// <summary>Entries that count no more and have to be removed by whoever is first.</summary>
    public IEnumerable<(string Name, FleetEntry Entry)> Dropped =>
        _known.Where(known => known.Value is { Dropped: true, IsWritten: true } && known.Key.Name != self).Select(known => (known.Key.Name, known.Value.Entry));

    /// <summary>The first of the replicas that live by name: it does what need not be done twice.</summary>
    public bool IsFirst => !Living.Any(name => string.CompareOrdinal(name, self) < 0);

    /// <summary>Ids under which other replicas' probers appear among the signals.</summary>
    public IEnumerable<string> Probers =>
        _known.Where(known => Lives(known.Value) && known.Value.Entry.Probe is not null).Select(known => ProberId(known.Key.Name, known.Value.Entry.Probe!));

    /// <summary>The questions of the others that we have heard, as <see cref="ProbeEntry.Answers"/> has them; empty when there is none.</summary>
    public string Asked { get; private set; } = "";

    /// <summary>When we heard the newest.</summary>
    public DateTimeOffset AskedAt { get; private set; }

    private IEnumerable<string> Living => _known.Where(known => Lives(known.Value)).Select(known => known.Key.Name);

    /// <summary>How many of our own sidecars may probe, so that it is at most two over all replicas and at least one.</summary>
    /// <param name="anyOfOurs">One of ours can.</param>
    public int ProbersOfOurs(bool anyOfOurs)
    {
        var able = _known.Where(known => Lives(known.Value) && known.Value.Entry.CanProbe > 0).Select(known => known.Key.Name).ToList();
        return able.Count == 0 ? ProberChoice.AtMost
            : anyOfOurs && able.Count(name => string.CompareOrdinal(name, self) < 0) < ProberChoice.AtMost ? 1 : 0;
    }

    /// <summary>How often we have asked the others' probers.</summary>
    public long Asks { get; private set; }

    /// <summary>The others' probers are to say what they see now.</summary>
    public void Ask(DateTimeOffset now)
    {
        _asked.Add((++Asks, now));
        if (_asked.Count > MaxQuestions)
        {
            _asked.RemoveAt(0);
        }
    }

    /// <summary>Takes in what is written now. Returns what the others' probers have said since the last time.</summary>
    /// <param name="written">By replica.</param>
    /// <param name="now">The time.</param>
    public IReadOnlyList<Signal> Learn(IReadOnlyDictionary<string, FleetEntry> written, DateTimeOffset now)
    {
        var said = new List<Signal>();
        foreach (var (key, known) in _known.Where(known => written.GetValueOrDefault(known.Key.Name)?.Instance != known.Key.Instance).ToList())
        {
            if (known.Dropped)
            {
                _known.Remove(key);
            }
            // Removed by somebody, or started anew.
            known.IsWritten = false;
            known.GoneAt ??= now;
        }
        foreach (var (name, entry) in written.Where(entry => entry.Key != self || entry.Value.Instance != instance))
        {
            if (!_known.TryGetValue((name, entry.Instance), out var known))
            {
                // How old the first word is cannot be known; only what changes from now on is news.
                _known.Add((name, entry.Instance), known = new Known(entry));
                if (_sawAt is not null && entry.Probe is { } probe)
                {
                    said.Add(Read(name, probe, entry, now));
                }
            }
            else if (known.Entry != entry)
            {
                if (entry.Probe is { } probe && (probe.At, probe.By) != (known.Entry.Probe?.At, known.Entry.Probe?.By))
                {
                    said.Add(Read(name, probe, entry, now));
                }
                (known.Entry, known.Silent, known.Dropped) = (entry, TimeSpan.Zero, false);
                known.GoneAt = null;
            }
            known.IsWritten = true;
            if (entry.Leaving is true || name == self)
            {
                known.GoneAt ??= now;
            }
        }
        _sawAt = now;
        var questions = string.Join(' ', _known.Where(known => Lives(known.Value) && known.Value.Entry.Asks > 0)
            .Select(known => $"{known.Key.Name}/{known.Value.Entry.Asks}").Order(StringComparer.Ordinal));
        if (questions != Asked)
        {
            (Asked, AskedAt) = (questions, now);
        }
        return said;
    }

    /// <summary>For this long we could see that those who changed nothing changed nothing.</summary>
    public void Saw(TimeSpan time)
    {
        foreach (var known in _known.Values)
        {
            known.Silent += time;
        }
    }

    /// <summary>Time passes, or the mode changes. True when something counts differently now.</summary>
    public bool Pass(bool outage, DateTimeOffset now)
    {
        if (outage != _outage)
        {
            // From now on they speak more often, or less.
            _outage = outage;
            foreach (var known in _known.Values)
            {
                known.Silent = TimeSpan.Zero;
            }
        }
        var changed = false;
        foreach (var known in _known.Values.Where(known => !known.Dropped))
        {
            known.Dropped = now - known.GoneAt >= timings.Gather || known.Silent >= timings.Limit(_outage) + timings.Lease;
            changed |= known.Dropped;
        }
        return changed;
    }

    /// <summary>The id is that of another replica's prober.</summary>
    public static bool IsTheirs(string reporter) => reporter.StartsWith('@');

    private bool Lives(Known known) => known is { Dropped: false, GoneAt: null } && known.Silent < timings.Limit(_outage);

    private static string ProberId(string replica, ProbeEntry probe) => $"@{replica}/{probe.By}";

    private Signal Read(string replica, ProbeEntry probe, FleetEntry entry, DateTimeOffset now)
    {
        // Both times are the other's; only what lies between them counts here.
        var age = entry.Heartbeat - probe.At;
        var at = now - (age > TimeSpan.Zero ? age : TimeSpan.Zero);
        if (probe.Verdict == nameof(SignalKind.Writable))
        {
            // It may have been on its way while ours began to fail: sure is only that it was made after the question it answers.
            at -= s_longestWay;
            at = _sawAt < at ? _sawAt.Value : at;
            var question = _asked.FindLast(asked => probe.Answers?.Split(' ').Contains($"{self}/{asked.Number}") is true);
            at = question.At > at ? question.At : at;
        }
        return new Signal(
            SignalOrigin.Probe, Enum.TryParse<SignalKind>(probe.Verdict, out var kind) ? kind : SignalKind.Saturated, ProberId(replica, probe), at)
        {
            HeardAt = now,
            ReporterName = probe.By,
            Detail = probe.Detail ?? "",
            ServerIdentity = probe.Server ?? "",
        };
    }

    private sealed class Known(FleetEntry entry)
    {
        public FleetEntry Entry { get; set; } = entry;

        /// <summary>How long we have seen it not change.</summary>
        public TimeSpan Silent { get; set; }

        /// <summary>When it stopped, as far as we know; its sidecars are on their way.</summary>
        public DateTimeOffset? GoneAt { get; set; }

        /// <summary>Its entry is there still.</summary>
        public bool IsWritten { get; set; }

        /// <summary>It counts no more.</summary>
        public bool Dropped { get; set; }
    }
}
