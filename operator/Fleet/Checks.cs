using SessionOperator.Operator.Decisions;
using SessionOperator.Operator.Signals;
using SessionOperator.Protocol.Fleet;

namespace SessionOperator.Operator.Fleet;

/// <summary>What the hub accepts from a sidecar, and what it answers to the rest.</summary>
internal static class Checks
{
    public const uint Protocol = 1;

    /// <summary>The refusal of who asks for a database that is not served here.</summary>
    public const string UnknownDatabase = "unknown_database";

    /// <summary>Beyond this an epoch is garbage: one a nanosecond would take 146 years to get there.</summary>
    private const ulong MaxEpoch = 1UL << 62;

    /// <summary>Bytes of a batch in one message, well below the largest message.</summary>
    private const int MaxPart = 48 * 1024;

    private const int MaxName = 253;

    /// <summary>Characters of what sidecars say for people.</summary>
    public const int MaxDetail = 200;

    /// <summary>Null when the first message is a Hello this operator can serve.</summary>
    /// <param name="incoming">The message.</param>
    /// <param name="databases">All that are configured here.</param>
    /// <param name="identity">Whose token it came with; null where there are none.</param>
    public static Refusal? First(Incoming incoming, IReadOnlyCollection<string> databases, PodIdentity? identity = null)
    {
        if (incoming.Message is not { } message)
        {
            return Malformed($"the first message cannot be read ({incoming.Error}); send a FromSidecar of fleet.proto");
        }
        if (message.Hello is not { } hello)
        {
            return Refuse("hello_expected", $"the first message was {Name(message)}; say Hello first");
        }
        if (hello.Protocol != Protocol)
        {
            return Refuse(
                "unsupported_protocol",
                $"protocol {hello.Protocol} is not spoken here; this operator speaks protocol {Protocol}. Update the older side");
        }
        if (identity?.Refuse(hello) is { } foreign)
        {
            return foreign;
        }
        if (!databases.Contains(hello.Database))
        {
            return Refuse(
                UnknownDatabase,
                $"database \"{Line(hello.Database, MaxName)}\" is not configured here; known are: {string.Join(", ", databases.Where(name => identity?.Covers(name) is not false).Order())}");
        }
        return CheckFields(hello);
    }

    /// <summary>Null when a later message makes sense.</summary>
    public static Refusal? Later(Incoming incoming) => incoming.Message switch
    {
        null => Malformed($"a message cannot be read ({incoming.Error}); send a FromSidecar of fleet.proto"),
        { BodyCase: FromSidecar.BodyOneofCase.Hello } =>
            Malformed("a second Hello on the same stream; open another stream instead"),
        { BodyCase: FromSidecar.BodyOneofCase.None } =>
            Malformed("a message without a body; send Ack, Evidence or Status"),
        { Ack.Epoch: > MaxEpoch } => Malformed($"ack.epoch is beyond {MaxEpoch}; send the epoch that is in force"),
        { Evidence: { } evidence } => CheckFields(evidence),
        { Handover.Data.Length: > MaxPart } => Malformed($"a part of a handover has at most {MaxPart} bytes; send it in more parts"),
        _ => null,
    };

    public static Signal Signal(Evidence evidence, Connection from, DateTimeOffset now) => new(
        evidence.Source == Evidence.Types.Source.App ? SignalOrigin.App : SignalOrigin.Probe,
        Kind(evidence.Verdict),
        from.Id,
        now - TimeSpan.FromMilliseconds(evidence.AgeMs))
    {
        HeardAt = now,
        ReporterName = from.Pod,
        Detail = Line(evidence.Detail, MaxDetail),
        ServerIdentity = Line(evidence.ServerIdentity, MaxDetail),
    };

    public static Claim Claim(Hello hello) =>
        new(hello.Epoch, hello.Mode, hello.LastNormalEpoch, Line(hello.Pod, MaxName));

    /// <summary>One printable line: what others send ends up in logs and reasons.</summary>
    public static string Line(string text, int most)
    {
        var cut = text.Length > most ? text[..most] : text;
        return string.Create(cut.Length, cut, static (line, from) =>
        {
            for (var i = 0; i < line.Length; i++)
            {
                line[i] = char.IsControl(from[i]) || char.IsSurrogate(from[i]) || from[i] is '\u2028' or '\u2029' ? ' ' : from[i];
            }
        });
    }

    public static Refusal Malformed(string message) => Refuse("malformed", message);

    private static Refusal? CheckFields(Hello hello)
    {
        if (hello.Pod.Length is 0 or > MaxName)
        {
            return Malformed($"hello.pod has {hello.Pod.Length} characters; send the pod's name, 1 to {MaxName}");
        }
        if (hello.Instance.Length is 0 or > MaxName)
        {
            return Malformed($"hello.instance has {hello.Instance.Length} characters; send a random word, new at every start, 1 to {MaxName}");
        }
        if (!Enum.IsDefined(hello.Mode))
        {
            return Malformed($"hello.mode is {(int)hello.Mode}; send one of Mode's numbers, 0 to 3");
        }
        return hello.Epoch > MaxEpoch || hello.LastNormalEpoch > hello.Epoch
            ? Malformed("hello.epoch must be at least hello.last_normal_epoch and at most 2^62")
            : null;
    }

    private static Refusal? CheckFields(Evidence evidence)
    {
        if (evidence.Source is not (Evidence.Types.Source.Probe or Evidence.Types.Source.App))
        {
            return Malformed($"evidence.source is {(int)evidence.Source}; send SOURCE_PROBE or SOURCE_APP");
        }
        return evidence.Verdict == Evidence.Types.Verdict.Unspecified || !Enum.IsDefined(evidence.Verdict)
            ? Malformed($"evidence.verdict is {(int)evidence.Verdict}; send one of Verdict's numbers but 0")
            : null;
    }

    private static SignalKind Kind(Evidence.Types.Verdict verdict) => verdict switch
    {
        Evidence.Types.Verdict.Writable => SignalKind.Writable,
        Evidence.Types.Verdict.ReadOnly => SignalKind.ReadOnly,
        Evidence.Types.Verdict.Unreachable => SignalKind.Unreachable,
        Evidence.Types.Verdict.Deadline => SignalKind.Deadline,
        Evidence.Types.Verdict.Misconfigured => SignalKind.Misconfigured,
        Evidence.Types.Verdict.Saturated => SignalKind.Saturated,
        _ => throw new ArgumentOutOfRangeException(nameof(verdict), verdict, "checked before"),
    };

    private static string Name(FromSidecar message) =>
        message.BodyCase == FromSidecar.BodyOneofCase.None ? "empty" : message.BodyCase.ToString();

    private static Refusal Refuse(string code, string message) => new() { Code = code, Message = message };
}
