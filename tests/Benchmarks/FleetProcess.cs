using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace SessionOperator.Benchmarks;

/// <summary>A sidecar's word that it has another mode, on the clock that all processes of the machine share.</summary>
internal readonly record struct Heard(long At, int Sidecar, ulong Epoch, Mode Mode);

/// <summary>The fleet, in a process of its own: what it costs is not the operator's.</summary>
internal sealed class FleetProcess : IDisposable
{
    /// <summary>Instead of a server's identity: probes are neither answered nor refused.</summary>
    public const string Silent = "-";

    private readonly Process _process;
    private readonly ConcurrentDictionary<int, Heard> _last = new();
    private readonly int _size;
    private volatile string? _failure;

    private FleetProcess(Process process, int size) => (_process, _size) = (process, size);

    /// <param name="target">Whom to trust and to ask for.</param>
    /// <param name="addresses">Replicas; sidecar i connects to number i modulo their count.</param>
    /// <param name="tokens">One a sidecar.</param>
    /// <param name="folder">For what the process has to read.</param>
    public static FleetProcess Start(FleetTarget target, IReadOnlyList<Uri> addresses, IReadOnlyList<string> tokens, string folder)
    {
        var file = Path.Combine(folder, "tokens");
        File.WriteAllLines(file, tokens);
        var start = new ProcessStartInfo(
            Environment.ProcessPath!, ["fleet", target.Authorities, target.Host, target.Database, file, string.Join(',', addresses)])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        var fleet = new FleetProcess(Process.Start(start)!, tokens.Count);
        _ = fleet.ListenAsync();
        return fleet;
    }

    /// <summary>The child's main: ends with its parent.</summary>
    public static async Task<int> RunAsync(string[] arguments)
    {
        var target = new FleetTarget(arguments[0], arguments[1], arguments[2]);
        var tokens = await File.ReadAllLinesAsync(arguments[3]);
        var addresses = arguments[4].Split(',').Select(address => new Uri(address)).ToArray();
        var database = "server-0";
        var running = Task.WhenAny(tokens.Select((token, i) =>
            new SimulatedSidecar(i, addresses[i % addresses.Length], token, target, () => Volatile.Read(ref database)).RunAsync()));
        var commands = Task.Run(async () =>
        {
            while (await Console.In.ReadLineAsync() is { } line)
            {
                Volatile.Write(ref database, line.Trim());
            }
        });
        if (await Task.WhenAny(running, commands) == running)
        {
            var failed = await running;
            Console.Out.WriteLine($"failed {failed.Exception?.InnerException?.Message}");
            return 1;
        }
        return 0;
    }

    /// <param name="identity">The server that probes find; empty: none; <see cref="Silent"/>: they get no answer.</param>
    public void Database(string identity)
    {
        _process.StandardInput.WriteLine(identity);
        _process.StandardInput.Flush();
    }

    /// <summary>When each sidecar heard of the mode, once all have.</summary>
    /// <exception cref="TimeoutException">Some have not, for too long.</exception>
    public async Task<IReadOnlyList<Heard>> AllAsync(Mode mode, TimeSpan patience)
    {
        for (var clock = Stopwatch.StartNew(); ; await Task.Delay(5))
        {
            var heard = _last.Values.Where(last => last.Mode == mode).ToList();
            if (heard.Count == _size)
            {
                return heard;
            }
            if (_failure is { } failure)
            {
                throw new IOException(failure);
            }
            if (clock.Elapsed > patience)
            {
                throw new TimeoutException($"{heard.Count} of {_size} sidecars have mode {mode} after {patience.TotalSeconds} s");
            }
        }
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        if (!_process.WaitForExit(5000))
        {
            _process.Kill();
        }
        _process.Dispose();
    }

    private async Task ListenAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            var words = line.Split(' ');
            if (words.Length == 4 && long.TryParse(words[0], out var at))
            {
                var sidecar = int.Parse(words[1], CultureInfo.InvariantCulture);
                _last[sidecar] = new Heard(at, sidecar, ulong.Parse(words[2], CultureInfo.InvariantCulture), Enum.Parse<Mode>(words[3]));
            }
            else
            {
                _failure = $"the fleet's process says: {line}";
            }
        }
    }
}
