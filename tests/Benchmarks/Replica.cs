using System.Diagnostics;
using System.Net;
using System.Net.Http;
using System.Net.Sockets;

namespace SessionOperator.Benchmarks;

/// <summary>One replica of the published operator, as the chart runs it. BENCH_OPERATOR in the environment names another program than that of <c>make build</c>.</summary>
internal sealed class Replica : IDisposable
{
    public const string Release = "session-operator";
    private readonly ProcessStartInfo _command;
    private readonly Uri _http;
    private Process _process;

    private Replica(ProcessStartInfo command, Uri address, Uri http)
    {
        (_command, Address, _http) = (command, address, http);
        _process = Process.Start(command)!;
    }

    /// <summary>Where sidecars connect.</summary>
    public Uri Address { get; }

    /// <summary>What the serving certificate is valid for.</summary>
    public static string Host => $"{Release}.{Cluster.Space}.svc";

    /// <summary>The Secret with the operator's own authority.</summary>
    public static string Secret => $"{Release}-ca";

    public static Replica Start(Cluster cluster, string folder, int number)
    {
        var ports = FreePorts(3);
        var config = Path.Combine(folder, $"operator-{number}.yaml");
        File.WriteAllText(config, $"""
            grpc: 127.0.0.1:{ports[0]}
            http: 127.0.0.1:{ports[1]}
            webhook: 127.0.0.1:{ports[2]}
            namespaces: [{Cluster.Space}]
            release: {Release}
            """);
        var start = new ProcessStartInfo("/bin/bash",
        [
            "-c", "exec \"$@\" >>\"$0\" 2>&1 </dev/null", Path.Combine(folder, $"operator-{number}.log"),
            Environment.GetEnvironmentVariable("BENCH_OPERATOR") is { Length: > 0 } program
                ? program : Path.Combine(Cluster.Root(), "artifacts/bin/operator/SessionOperator.Operator"),
            "--kubernetes", config,
        ]);
        start.Environment["KUBECONFIG"] = cluster.KubeConfig;
        start.Environment["POD_NAME"] = $"{Release}-{number}";
        start.Environment["POD_NAMESPACE"] = Cluster.Space;
        return new Replica(start, new Uri($"https://127.0.0.1:{ports[0]}"), new Uri($"http://127.0.0.1:{ports[1]}"));
    }

    /// <exception cref="IOException">It ended; its log is in the folder.</exception>
    public async Task ReadyAsync()
    {
        using var client = new HttpClient { BaseAddress = _http };
        var why = "it does not answer";
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < TimeSpan.FromSeconds(30); await Task.Delay(10))
        {
            if (_process.HasExited)
            {
                throw new IOException($"the operator ended with {_process.ExitCode}");
            }
            try
            {
                using var answer = await client.GetAsync(new Uri("/readyz", UriKind.Relative));
                if (answer.IsSuccessStatusCode)
                {
                    return;
                }
                why = await answer.Content.ReadAsStringAsync();
            }
            catch (HttpRequestException starting)
            {
                why = starting.Message;
            }
        }
        throw new TimeoutException($"the operator is not ready: {why}");
    }

    /// <summary>Kills it, and starts it again in the same place.</summary>
    public void Restart()
    {
        Dispose();
        _process = Process.Start(_command)!;
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    private static int[] FreePorts(int count)
    {
        var listeners = Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0)).ToList();
        listeners.ForEach(listener => listener.Start());
        var ports = listeners.Select(listener => ((IPEndPoint)listener.LocalEndpoint).Port).ToArray();
        listeners.ForEach(listener => listener.Dispose());
        return ports;
    }
}
