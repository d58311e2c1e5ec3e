using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace SessionOperator.Benchmarks;

/// <summary>A sidecar's word that it has another mode, on the clock that all processes of the machine share.</summary>
/// <param name="At">When it was told.</param>
/// <param name="Epoch">Of the decision.</param>
/// <param name="Mode">The new one.</param>
/// <param name="SettledAt">When it was told that the decision is settled; 0 while it is not.</param>
internal readonly record struct Heard(long At, ulong Epoch, Mode Mode, long SettledAt);

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
            Console.Error.WriteLine($"the fleet's process: {failed.Exception?.InnerException?.Message}");
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

    /// <summary>What was heard so far does not count any more: the sidecars have lost their streams.</summary>
    public void Forget() => _last.Clear();

    public Task<IReadOnlyList<Heard>> AllAsync(Mode mode, TimeSpan patience) => AllAsync(last => last.Mode == mode, patience);

    /// <summary>What each sidecar has heard last, once that is wanted of all.</summary>
    /// <exception cref="TimeoutException">It is not, for too long.</exception>
    public async Task<IReadOnlyList<Heard>> AllAsync(Func<Heard, bool> wanted, TimeSpan patience)
    {
        for (var clock = Stopwatch.StartNew(); ; await Task.Delay(5))
        {
            var heard = _last.Values.Where(wanted).ToList();
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
                throw new TimeoutException($"{heard.Count} of {_size} sidecars have heard what they should after {patience.TotalSeconds} s; one has heard {_last.Values.FirstOrDefault(last => !wanted(last))}");
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
            if (words.Length == 5 && long.TryParse(words[0], out var at))
            {
                var sidecar = int.Parse(words[1], CultureInfo.InvariantCulture);
                var (epoch, mode) = (ulong.Parse(words[2], CultureInfo.InvariantCulture), Enum.Parse<Mode>(words[3]));
                var settledAt = bool.Parse(words[4]) ? at : 0;
                _last[sidecar] = settledAt > 0 && _last.TryGetValue(sidecar, out var last) && (last.Epoch, last.Mode) == (epoch, mode)
                    ? last with { SettledAt = settledAt } : new Heard(at, epoch, mode, settledAt);
            }
            else
            {
                _failure = $"the fleet's process says: {line}";
            }
        }
    }
}
