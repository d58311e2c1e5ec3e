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
        var builder = CreateBuilder();
        security ??= FleetSecurity.None;
        timings ??= new FleetTimings(config.Lease);
        builder.WebHost.ConfigureKestrel(kestrel => Listen(kestrel, config.Grpc, config.Http, security));
        AddStandalone(builder.Services, config, timings, store ?? new InMemoryDecisionStore());
        AddFleet(builder.Services, timings, security, Prometheus.Metrics.NewCustomRegistry());
        var app = builder.Build();
        var directory = app.Services.GetRequiredService<ControllerDirectory>();
        Map(
            app,
            () => directory.All.All(c => c.IsAlive) ? null : "a decision loop has stopped turning",
            () => directory.All.All(c => c.IsAlive && c.IsReady) ? null : "the stored decisions have not been read");
        return app;
    }

    /// <summary>A decision loop ended by an error of ours, which stops the host.</summary>
    public static bool HasFailed(WebApplication app) =>
        app.Services.GetRequiredService<ControllerDirectory>().All.Any(controller => controller.ExecuteTask is { IsFaulted: true });

    internal static WebApplicationBuilder CreateBuilder()
    {
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
        return builder;
    }

    internal static void Listen(KestrelServerOptions kestrel, IPEndPoint forSidecars, IPEndPoint forMetrics, FleetSecurity security)
    {
        kestrel.AddServerHeader = false;
        // The hub has its own deadlines; Kestrel's would count a quiet sidecar as a slow one.
        kestrel.Limits.MinResponseDataRate = null;
        // A small buffer, so that a slow sidecar's newest message is chosen late.
        kestrel.Limits.MaxResponseBufferSize = 4 * 1024;
        kestrel.Limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(10);
        kestrel.Limits.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(5);
        kestrel.Listen(forSidecars, grpc =>
        {
            grpc.Protocols = HttpProtocols.Http2;
            if (security.Certificate is { } certificate)
            {
                grpc.UseServedCertificate(certificate);
            }
        });
        kestrel.Listen(forMetrics, http => http.Protocols = HttpProtocols.Http1);
    }

    /// <summary>What serves the streams of whatever is in the directory, and the registry of metrics.</summary>
    internal static void AddFleet(IServiceCollection services, FleetTimings timings, FleetSecurity security, CollectorRegistry registry)
    {
        DotNetStats.Register(registry);
        services.AddSingleton(registry);
        services.AddSingleton(new OperatorMetrics(registry));
        services.AddGrpc(grpc => grpc.MaxReceiveMessageSize = MaxMessage);
        services.AddSingleton(provider => new FleetService(
            provider.GetRequiredService<ControllerDirectory>(), timings, TimeProvider.System,
            provider.GetRequiredService<IHostApplicationLifetime>(), provider.GetRequiredService<ILoggerFactory>().CreateLogger("fleet"),
            security));
        services.AddSingleton<IServiceMethodProvider<FleetService>, FleetMethods>();
    }

    /// <param name="app">Where.</param>
    /// <param name="unhealthy">Why only a restart helps; null when all is well.</param>
    /// <param name="unready">Why it cannot serve yet; null when it can.</param>
    internal static void Map(WebApplication app, Func<string?> unhealthy, Func<string?> unready)
    {
        var stopping = app.Lifetime.ApplicationStopping;
        // The two ports speak different protocols, which tells them apart also when their numbers are chosen late.
        app.MapWhen(context => HttpProtocol.IsHttp2(context.Request.Protocol), grpc => grpc
            .UseRouting()
            .UseEndpoints(endpoints => endpoints.MapGrpcService<FleetService>()));
        app.MapMetrics("/metrics", app.Services.GetRequiredService<CollectorRegistry>());
        app.MapGet("/healthz", () => Answer("alive", unhealthy()));
        app.MapGet("/readyz", () => Answer("ready", stopping.IsCancellationRequested ? "the operator is stopping" : unready()));
    }

    private static void AddStandalone(IServiceCollection services, StandaloneConfig config, FleetTimings timings, IDecisionStore store)
    {
        var clock = new Clock(TimeProvider.System);
        services.AddSingleton(provider => new ControllerDirectory(config.Databases.Select(database => new DatabaseController(
            database.Key, database.Value, timings, store, clock, TimeProvider.System,
            new DatabaseMetrics(provider.GetRequiredService<OperatorMetrics>(), database.Key),
            provider.GetRequiredService<ILoggerFactory>().CreateLogger("decisions")))));
        foreach (var name in config.Databases.Keys)
        {
            // Not AddHostedService: that would take the second controller for a repetition of the first.
            services.AddSingleton<IHostedService>(provider => provider.GetRequiredService<ControllerDirectory>().Find(name)!);
        }
    }

    private static IResult Answer(string yes, string? no) =>
        Results.Text(no ?? yes, statusCode: (int)(no is null ? HttpStatusCode.OK : HttpStatusCode.ServiceUnavailable));
}
