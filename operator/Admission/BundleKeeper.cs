using System.Text;
using System.Text.Json;
using SessionOperator.Operator.Certificates;
using SessionOperator.Operator.Kubernetes;
using SessionOperator.Operator.Kubernetes.Watching;

namespace SessionOperator.Operator.Admission;

/// <summary>
/// Keeps the authorities in the webhook configuration those that vouch for us: without them the API server does not ask.
/// Every replica does it, with the same result.
/// </summary>
/// <param name="calls">Reaches the API server.</param>
/// <param name="name">The configuration; the chart makes it, and removes it.</param>
/// <param name="bundle">Whom to trust.</param>
/// <param name="time">The clock of pauses.</param>
/// <param name="log">Where it is said what was changed.</param>
public sealed partial class BundleKeeper(ApiCalls calls, string name, ICertificateBundle bundle, TimeProvider time, ILogger log) : BackgroundService
{
    /// <summary>How soon somebody else's change is put right, such as that of an upgrade.</summary>
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan s_retry = TimeSpan.FromSeconds(1);
    private readonly SemaphoreSlim _changed = new(0);
    private readonly TaskCompletionSource _kept = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _failing;

    /// <summary>Completes when the API server has been told for the first time.</summary>
    public Task Kept => _kept.Task;

    /// <summary>It has been tried, whatever came of it.</summary>
    public bool HasTried { get; private set; }

    private string Path => $"apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/{Uri.EscapeDataString(name)}";

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var subscription = bundle.Subscribe(_ => _changed.Release());
        while (!stoppingToken.IsCancellationRequested)
        {
            var done = await TryAsync(stoppingToken);
            using var pause = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
            var early = _changed.WaitAsync(pause.Token);
            await Task.WhenAny(early, Task.Delay(done ? s_interval : s_retry, time, pause.Token));
            await pause.CancelAsync();
        }
    }

    /// <summary>Looks once and changes what is not right. False when that is to be tried again soon.</summary>
    public async Task<bool> TryAsync(CancellationToken cancellation)
    {
        if (bundle.Pem is not { Length: > 0 } pem)
        {
            return false;
        }
        try
        {
            var wanted = Convert.ToBase64String(Encoding.ASCII.GetBytes(pem));
            var there = await calls.GetAsync<JsonElement>(Path, cancellation);
            var stale = there.Items("webhooks").Where(hook => hook.At("clientConfig").Text("caBundle") != wanted).Select(hook => hook.Text("name")!).ToList();
            if (stale.Count > 0)
            {
                await calls.StrategicMergeAsync<JsonElement>(
                    Path, new { webhooks = stale.Select(hook => new { name = hook, clientConfig = new { caBundle = wanted } }) }, cancellation);
                Told(name);
            }
            _failing = false;
            HasTried = true;
            _kept.TrySetResult();
            return true;
        }
        catch (Exception away) when (away is ApiUnavailableException or ApiException)
        {
            if (!_failing)
            {
                Failed(name, away.Message);
            }
            (_failing, HasTried) = (true, true);
            return false;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return false;
        }
    }

    [LoggerMessage(EventId = 60, Level = LogLevel.Information, Message = "Webhook configuration {Name}: the API server knows whom to trust")]
    private partial void Told(string name);

    [LoggerMessage(EventId = 61, Level = LogLevel.Error, Message = "Webhook configuration {Name} cannot be kept up to date ({Why}); pods are not injected until it is. Retrying")]
    private partial void Failed(string name, string why);
}
