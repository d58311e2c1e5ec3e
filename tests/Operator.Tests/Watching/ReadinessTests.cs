using Microsoft.Extensions.Logging.Abstractions;
using Prometheus;
using SessionOperator.Operator.Api;
using SessionOperator.Operator.Decisions;
using SessionOperator.Operator.Fleet;
using SessionOperator.Operator.Kubernetes;
using SessionOperator.Operator.Kubernetes.Watching;
using SessionOperator.Operator.Metrics;
using SessionOperator.Operator.State;
using SessionOperator.Protocol.Fleet;

namespace SessionOperator.Operator.Tests.Watching;

/// <summary>What /readyz asks: would a sidecar that comes now be served?</summary>
public class ReadinessTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_replica_is_ready_once_every_database_that_it_knows_is_served()
    {
        var (listed, more) = (false, (string?)"no certificate yet");
        var databases = new SessionDatabases();
        var controllers = new ControllerDirectory([]);
        var readiness = new Readiness(() => listed, databases, controllers, () => more);
        Assert.Equal("not everything that is watched has been listed yet", readiness.Missing);

        var metadata = new ResourceMetadata { Namespace = "shop", Name = "orders-db", Uid = "1", ResourceVersion = "1" };
        await databases.Upserted(null, new SessionDatabase { Metadata = metadata }, Cancellation);
        listed = true;
        Assert.Equal("shop/orders-db is not served yet", readiness.Missing);

        using var controller = new DatabaseController(
            "shop/orders-db", new Policy(Mode.Cache), new FleetTimings(TimeSpan.FromSeconds(10)), new InMemoryDecisionStore(), new Clock(TimeProvider.System), TimeProvider.System,
            new DatabaseMetrics(new OperatorMetrics(Prometheus.Metrics.NewCustomRegistry()), "shop/orders-db"), NullLogger.Instance);
        controllers.Add(controller);
        Assert.Equal("the stored decisions have not been read", readiness.Missing);

        await controller.StartAsync(Cancellation);
        while (!controller.IsReady)
        {
            await Task.Delay(10, Cancellation);
        }
        Assert.Equal("no certificate yet", readiness.Missing);
        more = null;
        Assert.Null(readiness.Missing);
        await controller.StopAsync(Cancellation);
    }
}
