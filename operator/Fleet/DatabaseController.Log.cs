namespace SessionOperator.Operator.Fleet;

/// <summary>What it says for people.</summary>
internal sealed partial class DatabaseController
{
    [LoggerMessage(
        EventId = 1, Level = LogLevel.Information,
        Message = "{Database} is {Phase}, apps are told {Mode} (epoch {Epoch}; was {OldPhase}, {OldMode}): {Reason}")]
    private partial void Changed(string database, Phase phase, Mode mode, ulong epoch, Phase oldPhase, Mode oldMode, string reason);

    [LoggerMessage(
        EventId = 2, Level = LogLevel.Warning,
        Message = "{Database}: two sidecars say they are pod {Pod}; if both live, give each its own --pod")]
    private partial void SameName(string database, string pod);

    [LoggerMessage(
        EventId = 3, Level = LogLevel.Error,
        Message = "{Database}: the decision cannot be stored ({Why}); the fleet stays in its mode, retrying")]
    private partial void StoreGone(string database, string why);

    [LoggerMessage(EventId = 4, Level = LogLevel.Information, Message = "{Database}: decisions can be stored again")]
    private partial void StoreBack(string database);
}
