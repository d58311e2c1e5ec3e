using System.Net.Sockets;
using System.Text;

namespace SessionOperator.Sidecar.Install;

/// <summary>What the program does for a pod besides running as its sidecar. The image has no shell that could.</summary>
internal static class Commands
{
    public const string Usage = """
        SessionOperator.Sidecar --install-adapter SOURCE TARGET [--or-leave-stock]
          copies the adapter to TARGET; with --or-leave-stock a failure is reported, but ends with 0: the app then runs without it
        SessionOperator.Sidecar --check DIR
          ends with 0 if a sidecar answers on the socket in DIR
        """;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(3);

    /// <summary>The exit code; null if these are no arguments for a command.</summary>
    public static async Task<int?> RunAsync(string[] arguments, TextWriter output, TextWriter errors)
    {
        switch (arguments)
        {
            case ["--install-adapter", var source, var target]:
                return Install(source, target, 1, output, errors);
            case ["--install-adapter", var source, var target, "--or-leave-stock"]:
                return Install(source, target, 0, output, errors);
            case ["--check", var directory]:
                return await CheckAsync(directory, errors);
            case ["--install-adapter" or "--check", ..]:
                errors.WriteLine($"cannot understand \"{string.Join(' ', arguments)}\"\n{Usage}");
                return 2;
            default:
                return null;
        }
    }

    private static int Install(string source, string target, int failed, TextWriter output, TextWriter errors)
    {
        try
        {
            output.WriteLine($"{AdapterInstaller.Install(source, target)} files of the adapter are in {target}");
            return 0;
        }
        catch (IOException e)
        {
            errors.WriteLine(failed == 0 ? $"{e.Message}; the app runs without it" : e.Message);
            return failed;
        }
    }

    private static async Task<int> CheckAsync(string directory, TextWriter errors)
    {
        var path = Path.Combine(directory, "api.sock");
        using var patience = new CancellationTokenSource(s_patience);
        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), patience.Token);
            await socket.SendAsync("GET /v1/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"u8.ToArray(), patience.Token);
            var head = new byte[64];
            var read = await socket.ReceiveAsync(head, patience.Token);
            if (Encoding.ASCII.GetString(head, 0, read).StartsWith("HTTP/1.1 200 ", StringComparison.Ordinal))
            {
                return 0;
            }

            errors.WriteLine($"what listens on {path} does not answer as a sidecar");
        }
        catch (OperationCanceledException)
        {
            errors.WriteLine($"no answer on {path} within {s_patience.TotalSeconds} s");
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            errors.WriteLine($"no sidecar on {path}: {e.Message}");
        }

        return 1;
    }
}
