using SessionOperator.Operator.Fleet;

namespace SessionOperator.Operator.Kubernetes;

/// <summary>Whether sidecars are to come here: everything is known, and every database that is known is served.</summary>
/// <param name="listed">Everything that is watched has been listed.</param>
/// <param name="databases">What is known.</param>
/// <param name="controllers">Who serves it.</param>
/// <param name="more">What else is missing; null when nothing is.</param>
internal sealed class Readiness(Func<bool> listed, SessionDatabases databases, ControllerDirectory controllers, Func<string?> more)
{
    /// <summary>Null when nothing is missing.</summary>
    public string? Missing =>
        !listed() ? "not everything that is watched has been listed yet"
        // Between what is known and its loop lies a moment, and whoever comes in it is sent away.
        : databases.All.FirstOrDefault(database => controllers.Find(database.Key) is null) is { } next ? $"{next.Key} is not served yet"
        : !controllers.All.All(controller => controller.IsAlive && controller.IsReady) ? "the stored decisions have not been read"
        : more();
}
