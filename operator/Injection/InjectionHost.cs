using Microsoft.AspNetCore.Server.Kestrel.Core;
using SessionOperator.Operator.Admission;
using SessionOperator.Operator.Certificates;
using SessionOperator.Operator.Housekeeping.Events;
using SessionOperator.Operator.Housekeeping.Workloads;
using SessionOperator.Operator.Kubernetes;
using SessionOperator.Operator.Kubernetes.Watching;
using SessionOperator.Operator.Metrics;
using SessionOperator.Operator.Workloads;

namespace SessionOperator.Operator.Injection;

/// <summary>Puts together what brings sidecars into pods: the webhook, what it knows, and what carries annotations to it.</summary>
internal static class InjectionHost
{
    public static void AddInjection(this IServiceCollection services, KubernetesConfig config, InjectionConfig injection, KubernetesConnection connection)
    {
        services.AddSingleton(provider => new ClusterVersions(connection.Calls, TimeProvider.System, Log(provider)));
        services.AddSingleton<NamespaceDefaults>();
        services.AddSingleton(provider => new DatabasesNow(connection.Calls, Log(provider)));
        // Who keeps the certificate in files keeps the bundle too.
        if (config.Certificates == CertificateSource.Own)
        {
            services.AddSingleton(provider => new BundleKeeper(
                connection.Calls, $"{config.PodNamespace}-{config.Release}", provider.GetRequiredService<ICertificateBundle>(), TimeProvider.System, Log(provider)));
            services.AddHostedService(provider => provider.GetRequiredService<BundleKeeper>());
        }
        services.AddSingleton(provider => new WorkloadCarrier(
            connection.Calls, config.PodNamespace, provider.GetRequiredService<SessionDatabases>(),
            token => ReadyAsync(config, provider, token), TimeProvider.System, Log(provider)));
        services.AddSingleton(provider => new InjectionMetrics(provider.GetRequiredService<Prometheus.CollectorRegistry>()));
        services.AddSingleton<IRefusals>(provider => new LoggedRefusals(Log(provider)));
        services.AddSingleton<ISurroundings>(provider => new ClusterSurroundings(
            provider.GetRequiredService<ClusterVersions>(), provider.GetRequiredService<NamespaceDefaults>(), provider.GetRequiredService<SessionDatabases>(),
            provider.GetRequiredService<ICertificateBundle>(), () => provider.GetRequiredService<RunningWatches>().IsSynced));
        services.AddSingleton(provider => new WorkloadKeeper(
            connection.Calls, provider.GetRequiredService<WorkloadCarrier>(), provider.GetRequiredService<SessionDatabases>(), provider.GetRequiredService<ISurroundings>(), injection.Settings, injection.Heal,
            provider.GetRequiredService<EventWriter>(), TimeProvider.System, Log(provider)));
        services.AddHostedService(provider => provider.GetRequiredService<ClusterVersions>());
        services.AddHostedService(provider => provider.GetRequiredService<WorkloadCarrier>());
    }

    /// <summary>Returns when a pod that is created would be injected.</summary>
    private static async Task ReadyAsync(KubernetesConfig config, IServiceProvider provider, CancellationToken cancellation)
    {
        if (provider.GetService<BundleKeeper>() is { } keeper)
        {
            await keeper.Kept.WaitAsync(cancellation);
        }
        var address = new Uri($"https://{config.Release}.{config.PodNamespace}.svc{InjectionWebhook.Path}");
        await new WebhookReach(address, provider.GetRequiredService<ICertificateBundle>(), TimeProvider.System, Log(provider)).WaitAsync(cancellation);
    }

    /// <summary>A port of its own, with TLS, which only the API server has to reach.</summary>
    public static void ListenForReviews(this KestrelServerOptions kestrel, KubernetesConfig config, ServedCertificate certificate) =>
        kestrel.Listen(config.Webhook, webhook =>
        {
            webhook.Protocols = HttpProtocols.Http1;
            webhook.UseServedCertificate(certificate);
        });

    public static void Watch(RunningWatches watches, KubernetesConfig config, IServiceProvider provider)
    {
        watches.Add(new WatchTarget(ResourceKind.Nodes), NodeVersion.Read, provider.GetRequiredService<ClusterVersions>());
        watches.Add(new WatchTarget(ResourceKind.Namespaces), NamespaceDefault.Read, provider.GetRequiredService<NamespaceDefaults>());
        foreach (var kind in WorkloadKind.All)
        {
            foreach (var place in config.Places)
            {
                watches.Add(
                    new WatchTarget(kind.Resource, place), (source, meta) => Workload.Read(kind, source, meta), provider.GetRequiredService<WorkloadCarrier>());
            }
        }
    }

    public static void MapInjection(this WebApplication app, InjectionConfig injection)
    {
        var provider = app.Services;
        var webhook = new InjectionWebhook(
            injection.Settings, provider.GetRequiredService<ISurroundings>(), provider.GetRequiredService<DatabasesNow>(),
            provider.GetRequiredService<InjectionMetrics>(), provider.GetRequiredService<IRefusals>());
        // On its own port only, which is the one that speaks HTTP/1 within TLS.
        app.MapWhen(context => context.Request.IsHttps && !HttpProtocol.IsHttp2(context.Request.Protocol), reviews => reviews
            .UseRouting()
            .UseEndpoints(endpoints => endpoints.MapAdmission(InjectionWebhook.Path, webhook.AnswerAsync, Log(provider))));
    }

    /// <summary>Why pods that are created now would not be injected as they should be; null when they will.</summary>
    public static string? Unready(IServiceProvider provider) =>
        provider.GetRequiredService<ICertificateBundle>().Pem.Length == 0 ? "there is no certificate yet"
        : !provider.GetRequiredService<ClusterVersions>().IsKnown ? "the API server has not said its version"
        : provider.GetService<BundleKeeper>() is { HasTried: false } ? "the API server has not been told whom to trust"
        : null;

    private static ILogger Log(IServiceProvider provider) => provider.GetRequiredService<ILoggerFactory>().CreateLogger("injection");
}
