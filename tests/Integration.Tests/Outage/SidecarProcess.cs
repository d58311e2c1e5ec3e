using SessionOperator.Integration.Tests.Servers;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Integration.Tests.Outage;

/// <summary>A sidecar in a process of its own, so that it can be killed as a kernel kills.</summary>
internal sealed class SidecarProcess : SidecarClient
{
    private readonly string _directory;
    private ServerProcess? _process;

    public SidecarProcess(string directory) : base(directory) => _directory = directory;

    public bool Running => _process is { Running: true };

    /// <param name="largestFileKiB">A file that would grow beyond it is a disk without room; null: no bound.</param>
    public Task StartAsync(int? largestFileKiB = null) => StartAsync(largestFileKiB, "--pod", "web-1");

    public Task StartAsync(string @operator, string pod, int grace) =>
        StartAsync(null, "--operator", @operator, "--pod", pod, "--grace", $"{grace}");

    /// <summary>Tells it to stop, as the kubelet does, and waits for its end.</summary>
    public Task TerminateAsync() => _process!.EndAsync(ServerProcess.Signal.Terminate);

    public Task KillAsync() => _process!.EndAsync(ServerProcess.Signal.Kill);

    public void End() => _process?.Dispose();

    private async Task StartAsync(int? largestFileKiB, params string[] more)
    {
        _process?.Dispose();
        // The bound is in blocks of 512 bytes; the runtime would otherwise map its code from a large file.
        string[] bound = largestFileKiB is { } size
            ? ["/bin/sh", "-c", $"trap '' XFSZ; export DOTNET_EnableWriteXorExecute=0; ulimit -f {2 * size}; exec \"$@\"", "sh"] : [];
        _process = ServerProcess.Start(Path.Combine(_directory, "log"),
            [.. bound, Path.Combine(AppContext.BaseDirectory, "SessionOperator.Sidecar"),
            "--directory", _directory, "--journal", Path.Combine(_directory, "journal"), "--database", "shop/orders", .. more]);
        await AnswersAsync();
    }
}
