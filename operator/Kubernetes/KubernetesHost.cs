using SessionOperator.Operator.Api;
using SessionOperator.Operator.Fleet;
using SessionOperator.Operator.Housekeeping;
using SessionOperator.Operator.Housekeeping.Events;
using SessionOperator.Operator.Injection;
using SessionOperator.Operator.Kubernetes.Signals;
using SessionOperator.Operator.Kubernetes.Watching;
using SessionOperator.Operator.Metrics;

namespace SessionOperator.Operator.Kubernetes;

/// <summary>Puts the parts together that work in a cluster. Everything that exists is created here, in sight.</summary>
public static class KubernetesHost
{
    /// <summary>Where the chart mounts the certificate that somebody else keeps.</summary>
    private const string CertificateFolder = "/etc/session-operator-tls";

    /// <param name="config">Where to serve what.</param>
    /// <param name="connection">Reaches the API server; not disposed of here.</param>
    /// <param name="timings">Null for the usual ones.</param>
    /// <param name="security">Null for TLS and tokens, as the configuration says.</param>
    /// <exception cref="Standalone.ConfigException">The configuration says something that cannot be.</exception>
    public static WebApplication Build(
        KubernetesConfig config, KubernetesConnection connection, KubernetesTimings? timings = null, FleetSecurity? security = null)
    {
        timings ??= new KubernetesTimings(config.Lease);
        var injection = InjectionConfig.Read(config);
        var builder = OperatorHost.CreateBuilder();
        var registry = Prometheus.Metrics.NewCustomRegistry();
        security ??= builder.Services.AddClusterSecurity(
            connection.Calls, config.Release, config.PodNamespace,
            config.Certificates == CertificateSource.Files ? CertificateFolder : null, registry);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            OperatorHost.Listen(kestrel, config.Grpc, config.Http, security);
            if (injection.Enabled)
            {
                kestrel.ListenForReviews(config, security.Certificate!);
            }
        });
        OperatorHost.AddFleet(builder.Services, timings.Fleet, security, registry);
        var clock = new Clock(TimeProvider.System);
        AddDatabases(builder.Services, connection, timings, clock, config.PodName);
        if (injection.Enabled)
        {
            builder.Services.AddInjection(config, injection, connection);
        }
        builder.Services.AddSingleton(provider => Watches(config, injection, connection, timings, provider));
        // Started in this order, stopped in the other: watches feed what comes after them.
        builder.Services.AddHostedService(provider => provider.GetRequiredService<DatabaseLifecycle>());
        builder.Services.AddHostedService(provider => provider.GetRequiredService<RunningWatches>());
        builder.Services.AddSingleton(provider => new WatchMetrics(provider.GetRequiredService<Prometheus.CollectorRegistry>()));
        builder.Services.AddHostedService(provider => new ClusterSignals(
            provider.GetRequiredService<SessionDatabases>(), provider.GetRequiredService<ControllerDirectory>(), connection.Watches, timings.Watches,
            provider.GetRequiredService<WatchMetrics>(), provider.GetRequiredService<PodsDirectory>(), clock, provider.GetRequiredService<ILoggerFactory>().CreateLogger("signals")));
        builder.Services.AddHousekeeping(config, connection, timings.Housekeeping, registry);
        var app = builder.Build();
        if (injection.Enabled)
        {
            app.MapInjection(injection);
        }
        Map(app, () => injection.Enabled ? InjectionHost.Unready(app.Services) : null);
        return app;
    }

    private static void AddDatabases(IServiceCollection services, KubernetesConnection connection, KubernetesTimings timings, Clock clock, string pod)
    {
        var databases = new SessionDatabases();
        var store = new KubernetesDecisionStore(connection.Calls, databases);
        var board = new KubernetesFleetBoard(connection.Calls, databases, pod);
        var directory = new ControllerDirectory([]);
        services.AddSingleton(databases);
        services.AddSingleton(directory);
        services.AddSingleton(provider =>
        {
            var log = provider.GetRequiredService<ILoggerFactory>();
            var decisions = log.CreateLogger("decisions");
            var metrics = provider.GetRequiredService<OperatorMetrics>();
            return new DatabaseLifecycle(
                databases, directory,
                (name, policy) => new DatabaseController(
                    name, policy, timings.Fleet, store, clock, TimeProvider.System, new DatabaseMetrics(metrics, name), decisions,
                    new Peers(name, board, timings.Replicas, clock, decisions), changes =>
                    {
                        if (databases.Find(name) is { } known)
                        {
                            provider.GetRequiredService<EventWriter>().Post(StrandedNote.Of(known, changes));
                        }
                    }),
                metrics.Forget,
                provider.GetRequiredService<IHostApplicationLifetime>(), log.CreateLogger("databases"));
        });
    }

    /// <summary>What is watched. Whoever watches more adds it here.</summary>
    private static RunningWatches Watches(
        KubernetesConfig config, InjectionConfig injection, KubernetesConnection connection, KubernetesTimings timings, IServiceProvider provider)
    {
        var watches = new RunningWatches(
            connection.Watches, timings.Watches, provider.GetRequiredService<WatchMetrics>().Directory, provider.GetRequiredService<ILoggerFactory>().CreateLogger("watch"));
        var databases = provider.GetRequiredService<SessionDatabases>();
        var listed = config.Places.Select(place => watches.Add(new WatchTarget(ResourceKind.SessionDatabases, place), (source, _) => SessionDatabase.Read(source), databases)).ToList();
        // Who comes back to an operator that has just been started is not told that its database does not exist.
        provider.GetRequiredService<ControllerDirectory>().MayCome = name => !listed.TrueForAll(health => health.IsSynced) || databases.Find(name) is not null;
        if (injection.Enabled)
        {
            InjectionHost.Watch(watches, config, provider);
        }
        return watches;
    }

    private static void Map(WebApplication app, Func<string?> unready)
    {
        var directory = app.Services.GetRequiredService<ControllerDirectory>();
        var watches = app.Services.GetRequiredService<RunningWatches>();
        var liveness = new Liveness(app.Services.GetRequiredService<WatchMetrics>().Directory, directory);
        var readiness = new Readiness(() => watches.IsSynced, app.Services.GetRequiredService<SessionDatabases>(), directory, unready);
        OperatorHost.Map(app, () => liveness.Complaint, () => readiness.Missing);
    }
}
