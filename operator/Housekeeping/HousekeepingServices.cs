using Prometheus;
using SessionOperator.Operator.Housekeeping.Conditions;
using SessionOperator.Operator.Housekeeping.Events;
using SessionOperator.Operator.Housekeeping.Leases;
using SessionOperator.Operator.Housekeeping.Workloads;
using SessionOperator.Operator.Kubernetes;
using SessionOperator.Operator.Kubernetes.Signals;
using SessionOperator.Operator.Metrics;

namespace SessionOperator.Operator.Housekeeping;

/// <summary>Puts together what one replica does for all.</summary>
internal static class HousekeepingServices
{
    /// <param name="services">Where to.</param>
    /// <param name="config">The lease has the release's name, in the operator's own namespace.</param>
    /// <param name="connection">Reaches the API server.</param>
    /// <param name="timings">How long the lease holds.</param>
    /// <param name="registry">For metrics.</param>
    public static void AddHousekeeping(
        this IServiceCollection services, KubernetesConfig config, KubernetesConnection connection, LeaseTimings timings, CollectorRegistry registry)
    {
        var metrics = new HousekeepingMetrics(registry);
        services.AddSingleton(new PodsDirectory());
        services.AddSingleton(provider => new EventWriter(
            new EventApi(connection.Calls, config.PodName), metrics, TimeProvider.System, Log(provider, "events")));
        services.AddHostedService(provider => provider.GetRequiredService<EventWriter>());
        // Last, so that it is the first to stop: the next replica need not wait for the streams to end.
        services.AddHostedService(provider =>
        {
            var (databases, events, log) = (provider.GetRequiredService<SessionDatabases>(), provider.GetRequiredService<EventWriter>(), Log(provider, "housekeeping"));
            var workloads = provider.GetService<WorkloadKeeper>();
            var conditions = new ConditionKeeper(
                connection.Calls, databases, provider.GetRequiredService<PodsDirectory>(), workloads, events, TimeProvider.System, log);
            var housekeeper = new Housekeeper(databases, events, conditions, workloads, TimeProvider.System);
            var candidate = new Candidate(
                new LeaseStore(connection.Calls, config.PodNamespace, config.Release), Candidate.NameOf(config.PodName),
                housekeeper.Work, timings, TimeProvider.System, log);
            metrics.Leads = () => candidate.Holds;
            return candidate;
        });
    }

    private static ILogger Log(IServiceProvider provider, string name) => provider.GetRequiredService<ILoggerFactory>().CreateLogger(name);
}
