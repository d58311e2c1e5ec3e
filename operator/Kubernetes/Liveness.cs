using SessionOperator.Operator.Fleet;
using SessionOperator.Operator.Kubernetes.Watching;

namespace SessionOperator.Operator.Kubernetes;

/// <summary>
/// What only a restart mends. An API server that is away is no such thing: every replica would restart in a circle and
/// forget what its sidecars told it, and the streams need no API server.
/// </summary>
internal sealed class Liveness(WatchDirectory watches, ControllerDirectory controllers)
{
    /// <summary>Null when all is well.</summary>
    public string? Complaint =>
        watches.Stuck is { } stuck ? $"the watch of {stuck} does not move any more"
        : controllers.All.FirstOrDefault(controller => !controller.IsAlive) is { } still ? $"the decision loop of {still.Database} has stopped turning"
        : null;
}
