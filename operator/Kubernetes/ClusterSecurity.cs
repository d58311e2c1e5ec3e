using System.Collections.Immutable;
using Prometheus;
using SessionOperator.Operator.Certificates;
using SessionOperator.Operator.Fleet;

namespace SessionOperator.Operator.Kubernetes;

/// <summary>Puts together what makes the fleet's streams trustworthy in a cluster: certificates and identities.</summary>
public static class ClusterSecurity
{
    /// <param name="services">Get what keeps the certificate.</param>
    /// <param name="calls">Reach the Secret, and review tokens.</param>
    /// <param name="release">What the operator's Service is called; its Secret is called so, with "-ca".</param>
    /// <param name="space">The operator's namespace.</param>
    /// <param name="folder">Where somebody else keeps the certificate; null: an authority of the operator's own.</param>
    /// <param name="registry">For metrics.</param>
    public static FleetSecurity AddClusterSecurity(
        this IServiceCollection services, ApiCalls calls, string release, string space, string? folder, CollectorRegistry registry)
    {
        var served = new ServedCertificate(TimeProvider.System);
        var metrics = new CertificateMetrics(registry);
        services.AddSingleton(served);
        services.AddSingleton<ICertificateBundle>(served);
        services.AddSingleton<IHostedService>(provider =>
        {
            var log = provider.GetRequiredService<ILoggerFactory>().CreateLogger("certificates");
            if (folder is not null)
            {
                return new CertificateFiles(folder, served, metrics, TimeProvider.System, log);
            }
            var times = new RotationTimes();
            return new CertificateKeeper(
                new SecretStore(calls, space, $"{release}-ca", times), Names(release, space), times, served, metrics, TimeProvider.System, log);
        });
        return new FleetSecurity(new IdentityCheck(new TokenReview(calls), TimeProvider.System, registry), served);
    }

    /// <summary>The names by which the Service is reached from anywhere in the cluster.</summary>
    public static ImmutableSortedSet<string> Names(string release, string space) =>
        [$"{release}.{space}", $"{release}.{space}.svc", $"{release}.{space}.svc.cluster.local"];
}
