using System.Net;
using System.Text;

namespace SessionOperator.Sidecar;

/// <summary>What the sidecar is started with; each flag can also be an environment variable SESSION_OPERATOR_NAME.</summary>
internal sealed record Options(
    string Directory, string Journal, string? Operator, string Database, string Pod, IPEndPoint? Http, TimeSpan Deadline, TimeSpan Grace)
{
    // sun_path of unix(7) has 108 bytes, the socket's own name takes ten of them.
    private const int LongestDirectory = 97;

    private static readonly string[] Known = ["directory", "journal", "operator", "operator-ca", "token", "database", "pod", "http", "deadline", "grace", "adapter"];

    /// <summary>PEM file of the authorities that vouch for the operator; null: the system's.</summary>
    public string? OperatorCa { get; init; }

    /// <summary>Folder whose files are put into "adapter" in the runtime directory before anything is served; null: none.</summary>
    public string? Adapter { get; init; }

    /// <summary>The metrics' address is no condition: a port that is taken is done without.</summary>
    public bool HttpIfFree { get; init; }

    /// <summary>File with the token that says who this is; null: none is shown.</summary>
    public string? Token { get; init; }

    public const string Usage = """
        SessionOperator.Sidecar --directory DIR --journal DIR --database NAMESPACE/NAME [options]
          --directory DIR       shared with the app: mode page and socket
          --journal DIR         on a volume that outlives the process
          --database NS/NAME    the SessionDatabase
          --operator URL        http(s)://host:port; without it the sidecar decides alone
          --operator-ca FILE    PEM of the authorities that vouch for an https operator (default: the system's)
          --token FILE          ServiceAccount token for an https operator, read anew for every connection
          --pod NAME            who this is (default: host name)
          --http HOST:PORT      /metrics and /healthz (default: none); *:PORT: on all addresses, if the port is free
          --adapter DIR         copy the adapter from there into "adapter" of --directory first
          --deadline MS         how long a session's database call may take (200..60000, default 1500)
          --grace SECONDS       how long to hand over unsaved changes when told to stop in an outage (0..3600, default 25)
        """;

    /// <summary>Reads flags, then the environment.</summary>
    /// <exception cref="FormatException">Something is missing or cannot be understood; the message says what to write.</exception>
    public static Options Parse(IReadOnlyList<string> arguments, Func<string, string?> environment)
    {
        var values = new Dictionary<string, string>();
        for (var i = 0; i < arguments.Count; i++)
        {
            var name = arguments[i].StartsWith("--", StringComparison.Ordinal) ? arguments[i][2..] : "";
            var equals = name.IndexOf('=', StringComparison.Ordinal);
            var value = equals > 0 ? name[(equals + 1)..] : i + 1 < arguments.Count ? arguments[i + 1] : null;
            name = equals > 0 ? name[..equals] : name;
            if (!Known.Contains(name))
            {
                throw new FormatException($"unknown argument \"{arguments[i]}\"; known are --{string.Join(", --", Known)}");
            }

            values[name] = value switch
            {
                null => throw new FormatException($"--{name} needs a value"),
                "" => throw new FormatException($"--{name} is empty; give it a value or leave it out"),
                _ => value,
            };
            i += equals > 0 ? 0 : 1;
        }

        string? Find(string name) => values.GetValueOrDefault(name)
            ?? (environment("SESSION_OPERATOR_" + name.ToUpperInvariant().Replace('-', '_')) is { Length: > 0 } set ? set : null);
        string Need(string name, string what) => Find(name) ?? throw new FormatException($"--{name} is missing: {what}");

        var database = Need("database", "the SessionDatabase as namespace/name");
        if (database.Split('/') is not [{ Length: > 0 }, { Length: > 0 }])
        {
            throw new FormatException($"--database \"{database}\" is not namespace/name");
        }

        var address = Find("operator");
        if (address is not null && (!Uri.TryCreate(address, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https")))
        {
            throw new FormatException($"--operator \"{address}\" is not http://host:port or https://host:port");
        }

        string? WithTls(string name, string why) => Find(name) is not { } file ? null
            : address?.StartsWith("https:", StringComparison.OrdinalIgnoreCase) is true ? Path.GetFullPath(file)
            : throw new FormatException($"--{name} needs --operator https://host:port: {why}");

        IPEndPoint? http = null;
        var everywhere = false;
        if (Find("http") is { } listen)
        {
            everywhere = listen.StartsWith("*:", StringComparison.Ordinal);
            if (!IPEndPoint.TryParse(everywhere ? "[::]" + listen[1..] : listen, out http) || http.Port == 0)
            {
                throw new FormatException($"--http \"{listen}\" is not address:port, such as 127.0.0.1:7081 or *:7081");
            }
        }

        var deadline = 1500;
        if (Find("deadline") is { } text && (!int.TryParse(text, out deadline) || deadline is < 200 or > 60000))
        {
            throw new FormatException($"--deadline \"{text}\" is not a number of milliseconds from 200 to 60000");
        }

        var grace = 25;
        if (Find("grace") is { } seconds && (!int.TryParse(seconds, out grace) || grace is < 0 or > 3600))
        {
            throw new FormatException($"--grace \"{seconds}\" is not a number of seconds from 0 to 3600");
        }

        var directory = Path.GetFullPath(Need("directory", "the directory shared with the app"));
        var bytes = Encoding.UTF8.GetByteCount(directory);
        if (bytes > LongestDirectory)
        {
            throw new FormatException($"--directory is {bytes} bytes long; a unix socket in it allows {LongestDirectory}");
        }

        return new Options(
            directory, Path.GetFullPath(Need("journal", "a directory that outlives the process")),
            address, database, Find("pod") ?? Environment.MachineName, http, TimeSpan.FromMilliseconds(deadline),
            TimeSpan.FromSeconds(grace))
        {
            OperatorCa = WithTls("operator-ca", "without TLS there is nothing to vouch for"),
            HttpIfFree = everywhere,
            Adapter = Find("adapter") is { } adapter ? Path.GetFullPath(adapter) : null,
            Token = WithTls("token", "a token must not travel where anyone can read it"),
        };
    }
}
