using System.Net;
using Grpc.AspNetCore.Server.Model;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Prometheus;
using SessionOperator.Operator.Certificates;
using SessionOperator.Operator.Fleet;
using SessionOperator.Operator.Metrics;
using SessionOperator.Operator.Standalone;
using SessionOperator.Operator.State;

namespace SessionOperator.Operator;

/// <summary>Puts the parts together. Everything that exists is created here, in sight.</summary>
public static class OperatorHost
{
    private const int MaxMessage = 64 * 1024;

    /// <param name="config">What to serve.</param>
    /// <param name="timings">Null for the usual ones.</param>
    /// <param name="store">Null for an in-memory one.</param>
    /// <param name="security">Null for none.</param>
    public static WebApplication Build(
        StandaloneConfig config, FleetTimings? timings = null, IDecisionStore? store = null, FleetSecurity? security = null)
    {
        security ??= FleetSecurity.None;
        // No configuration file is read, so none is watched: the watch would follow every change below the working directory.
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions
        {
            Args = ["--hostBuilder:reloadConfigOnChange=false"],
            ContentRootPath = AppContext.BaseDirectory,
        });
        builder.Logging.ClearProviders().AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z' ";
        });
        // That it could not start is said once, by Program, in words.
        builder.Logging.AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical);
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning).AddFilter("Grpc", LogLevel.Warning);
        // Streams end at once when told to stop; a sidecar that does not read its end is not waited for.
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(3));
        builder.WebHost.ConfigureKestrel(kestrel => Listen(kestrel, config, security));
        AddOperator(builder.Services, config, timings ?? new FleetTimings(config.Lease), store ?? new InMemoryDecisionStore(), security);
        var app = builder.Build();
        Map(app);
        return app;
    }

    /// <summary>A decision loop ended by an error of ours, which stops the host.</summary>
    public static bool HasFailed(WebApplication app) =>
        app.Services.GetRequiredService<ControllerDirectory>().All.Any(controller => controller.ExecuteTask is { IsFaulted: true });

    private static void Listen(KestrelServerOptions kestrel, StandaloneConfig config, FleetSecurity security)
    {
        kestrel.AddServerHeader = false;
        // The hub has its own deadlines; Kestrel's would count a quiet sidecar as a slow one.
        kestrel.Limits.MinResponseDataRate = null;
        // A small buffer, so that a slow sidecar's newest message is chosen late.
        kestrel.Limits.MaxResponseBufferSize = 4 * 1024;
        kestrel.Limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(10);
        kestrel.Limits.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(5);
        kestrel.Listen(config.Grpc, grpc =>
        {
            grpc.Protocols = HttpProtocols.Http2;
            if (security.Certificate is { } certificate)
            {
                grpc.UseServedCertificate(certificate);
            }
        });
        kestrel.Listen(config.Http, http => http.Protocols = HttpProtocols.Http1);
    }

    private static void AddOperator(
        IServiceCollection services, StandaloneConfig config, FleetTimings timings, IDecisionStore store, FleetSecurity security)
    {
        var registry = Prometheus.Metrics.NewCustomRegistry();
        DotNetStats.Register(registry);
        var metrics = new OperatorMetrics(registry);
        var clock = new Clock(TimeProvider.System);
        services.AddSingleton(registry);
        services.AddSingleton(provider => new ControllerDirectory(config.Databases.Select(database => new DatabaseController(
            database.Key, database.Value, timings, store, clock, TimeProvider.System, new DatabaseMetrics(metrics, database.Key),
            provider.GetRequiredService<ILoggerFactory>().CreateLogger("decisions")))));
        foreach (var name in config.Databases.Keys)
        {
            // Not AddHostedService: that would take the second controller for a repetition of the first.
            services.AddSingleton<IHostedService>(provider => provider.GetRequiredService<ControllerDirectory>().Find(name)!);
        }
        services.AddGrpc(grpc => grpc.MaxReceiveMessageSize = MaxMessage);
        services.AddSingleton(provider => new FleetService(
            provider.GetRequiredService<ControllerDirectory>(), timings, TimeProvider.System,
            provider.GetRequiredService<IHostApplicationLifetime>(), provider.GetRequiredService<ILoggerFactory>().CreateLogger("fleet"),
            security));
        services.AddSingleton<IServiceMethodProvider<FleetService>, FleetMethods>();
    }

    private static void Map(WebApplication app)
    {
        var directory = app.Services.GetRequiredService<ControllerDirectory>();
        var stopping = app.Lifetime.ApplicationStopping;
        // The two ports speak different protocols, which tells them apart also when their numbers are chosen late.
        app.MapWhen(context => HttpProtocol.IsHttp2(context.Request.Protocol), grpc => grpc
            .UseRouting()
            .UseEndpoints(endpoints => endpoints.MapGrpcService<FleetService>()));
        app.MapMetrics("/metrics", app.Services.GetRequiredService<CollectorRegistry>());
        app.MapGet("/healthz", () => Answer(directory.All.All(c => c.IsAlive), "alive", "a decision loop has stopped turning"));
        app.MapGet("/readyz", () => Answer(
            !stopping.IsCancellationRequested && directory.All.All(c => c.IsAlive && c.IsReady), "ready", "the stored decisions have not been read, or the operator is stopping"));
    }

    private static IResult Answer(bool good, string yes, string no) =>
        Results.Text(good ? yes : no, statusCode: (int)(good ? HttpStatusCode.OK : HttpStatusCode.ServiceUnavailable));
}
