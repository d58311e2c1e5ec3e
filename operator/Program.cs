using System.Net;
using System.Net.Sockets;
using System.Reflection;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using SessionOperator.Operator;
using SessionOperator.Operator.Api.Schema;
using SessionOperator.Operator.Kubernetes;
using SessionOperator.Operator.Standalone;
using SessionOperator.Operator.Workloads;

const string Usage = """
    usage: SessionOperator.Operator --kubernetes config.yaml
           SessionOperator.Operator --standalone config.yaml

    --kubernetes serves the SessionDatabases of a cluster; the chart writes config.yaml. --standalone decides for the
    sidecars of one or more databases, without Kubernetes. config.yaml:

      grpc: 127.0.0.1:7443         # where sidecars connect
      http: 127.0.0.1:7080         # /metrics /healthz /readyz
      lease: 10s                   # optional
      databases:
        - name: default/orders-db
          fallback: Cache          # or SkipSave
          recovery: { successes: 3, dwell: 1s, drainDeadline: 60s }   # optional

    --probe http://host:port/readyz asks whether an operator is ready, once, and says what it answered: 0 yes, 1 no.
    --release-workloads [NAMESPACE...] takes what was carried into pod templates out again, for all namespaces or these; the
    chart runs it after the operator is gone. --print-crd prints the custom resource definition of SessionDatabase. --version prints the version. Exit codes: 0 stopped, 1 cannot serve (any more), 2 wrong arguments or configuration.
    """;

switch (args)
{
    case ["--help" or "-h"]:
        Console.WriteLine(Usage);
        return 0;
    case ["--version"]:
        Console.WriteLine(typeof(OperatorHost).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion);
        return 0;
    case ["--print-crd"]:
        Console.Write(CustomResourceDefinition.Yaml());
        return 0;
    case ["--probe", var url]:
        return await ReadyProbe.Ask(url, Console.Out, Console.Error);
    case ["--release-workloads", .. var namespaces]:
        return await ReleaseWorkloads(namespaces);
    case ["--standalone", var path]:
        return await RunStandalone(path);
    case ["--kubernetes", var path]:
        return await RunInKubernetes(path);
    default:
        Console.Error.WriteLine($"cannot understand \"{string.Join(' ', args)}\"\n\n{Usage}");
        return 2;
}

static async Task<int> RunStandalone(string path)
{
    StandaloneConfig config;
    try
    {
        config = ConfigReader.ReadFile(path);
    }
    catch (ConfigException wrong)
    {
        Console.Error.WriteLine(wrong.Message);
        return 2;
    }
    await using var app = OperatorHost.Build(config);
    return await Run(app, config.Grpc, config.Http, path, addresses =>
    {
        app.Logger.LogInformation(
            "Serving {Databases}; listening on {Addresses} (sidecars, then metrics)",
            string.Join(", ", config.Databases.Keys.Order()), addresses);
        if (!IPAddress.IsLoopback(config.Grpc.Address))
        {
            app.Logger.LogWarning(
                "Sidecars connect to {Grpc} without encryption or proof of who they are; let only your own machines reach it", config.Grpc);
        }
    });
}

static async Task<int> RunInKubernetes(string path)
{
    try
    {
        var config = KubernetesConfigReader.ReadFile(path, Environment.GetEnvironmentVariable);
        using var connection = KubernetesConnection.Open(Environment.GetEnvironmentVariable);
        await using var app = KubernetesHost.Build(config, connection);
        return await Run(app, config.Grpc, config.Http, path, addresses => app.Logger.LogInformation(
            "Replica {Pod} serves SessionDatabases in {Namespaces}; listening on {Addresses}",
            config.PodName, config.Namespaces.Count == 0 ? "all namespaces" : string.Join(", ", config.Namespaces), addresses));
    }
    catch (ConfigException wrong)
    {
        Console.Error.WriteLine(wrong.Message);
        return 2;
    }
}

static async Task<int> ReleaseWorkloads(string[] namespaces)
{
    try
    {
        using var connection = KubernetesConnection.Open(Environment.GetEnvironmentVariable);
        var released = await new WorkloadRelease(connection.Calls, TimeProvider.System, Console.WriteLine).RunAsync(namespaces, CancellationToken.None);
        Console.WriteLine($"{released} workloads are rolled out without the sidecar");
        return 0;
    }
    catch (ConfigException wrong)
    {
        Console.Error.WriteLine(wrong.Message);
        return 2;
    }
    catch (Exception refused) when (refused is ApiException or ApiUnavailableException)
    {
        Console.Error.WriteLine($"{refused.Message}. Remove the annotation sessionoperator.dev/database from the pod templates by hand, or run this again");
        return 1;
    }
}

static async Task<int> Run(WebApplication app, IPEndPoint grpc, IPEndPoint http, string path, Action<string> started)
{
    try
    {
        await app.StartAsync();
    }
    catch (IOException refused) when (refused.InnerException is SocketException or Microsoft.AspNetCore.Connections.AddressInUseException)
    {
        Console.Error.WriteLine($"cannot listen on grpc {grpc} and http {http}: {refused.Message} Write free addresses of this machine into {path}");
        return 1;
    }
    catch (SocketException refused)
    {
        Console.Error.WriteLine($"cannot listen on grpc {grpc} and http {http}: {refused.Message}. Write free addresses of this machine into {path}");
        return 1;
    }
    started(string.Join(", ", app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses));
    await app.WaitForShutdownAsync();
    return OperatorHost.HasFailed(app) ? 1 : 0;
}
