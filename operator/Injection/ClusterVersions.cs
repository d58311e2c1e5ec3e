using System.Text.Json;
using SessionOperator.Operator.Kubernetes;
using SessionOperator.Operator.Kubernetes.Watching;

namespace SessionOperator.Operator.Injection;

/// <summary>The Kubernetes version of a node's kubelet.</summary>
/// <param name="Name">The node.</param>
/// <param name="Version">Null when it says none that can be read.</param>
public sealed record NodeVersion(string Name, Version? Version)
{
    public static NodeVersion Read(JsonElement source, ObjectMeta meta) =>
        new(meta.Name, ClusterVersions.Parse(source.At("status", "nodeInfo").Text("kubeletVersion")));
}

/// <summary>Whether server and nodes run native sidecars: init containers with <c>restartPolicy: Always</c>.</summary>
public sealed class ClusterVersions(ApiCalls calls, TimeProvider time, ILogger log) : BackgroundService, IWatchSink<NodeVersion>
{
    /// <summary>From here on they are on without anybody's doing. Before, the server drops the field, and the pod would wait for its sidecar for ever.</summary>
    public static readonly Version NativeSidecars = new(1, 29);

    /// <summary>How often the server is asked; also how late an upgrade is noticed.</summary>
    private static readonly TimeSpan s_interval = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan s_retry = TimeSpan.FromSeconds(1);
    private readonly Dictionary<string, Version?> _nodes = [];
    private readonly Lock _lock = new();
    private volatile Version? _server;

    /// <summary>The server has said its version.</summary>
    public bool IsKnown => _server is not null;

    /// <summary>Nobody is older. A kubelet may be older than its server, and a pod may come to any of them.</summary>
    public bool HasNativeSidecars
    {
        get
        {
            lock (_lock)
            {
                return _server >= NativeSidecars && _nodes.Values.All(node => node >= NativeSidecars);
            }
        }
    }

    /// <summary>The numbers in "v1.29.3-eks-1": major and minor; null when there are none.</summary>
    public static Version? Parse(string? text)
    {
        var parts = (text ?? "").TrimStart('v').Split('.');
        return parts.Length >= 2 && int.TryParse(parts[0], out var major) && int.TryParse(new string([.. parts[1].TakeWhile(char.IsAsciiDigit)]), out var minor)
            ? new Version(major, minor) : null;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                var answer = await calls.GetAsync<JsonElement>("version", stoppingToken);
                _server = Parse(answer.Text("gitVersion")) ?? _server;
            }
            catch (Exception away) when (away is ApiUnavailableException or ApiException)
            {
                log.LogDebug("The API server does not say its version ({Why}); asking again", away.Message);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            await Task.Delay(IsKnown ? s_interval : s_retry, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public ValueTask Upserted(NodeVersion? previous, NodeVersion current, CancellationToken cancellation)
    {
        lock (_lock)
        {
            _nodes[current.Name] = current.Version;
        }
        return ValueTask.CompletedTask;
    }

    public ValueTask Removed(NodeVersion last, CancellationToken cancellation)
    {
        lock (_lock)
        {
            _nodes.Remove(last.Name);
        }
        return ValueTask.CompletedTask;
    }

    public ValueTask Listed(IReadOnlyCollection<NodeVersion> all, CancellationToken cancellation) => ValueTask.CompletedTask;
}
