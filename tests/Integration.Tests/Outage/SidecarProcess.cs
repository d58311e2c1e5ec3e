using SessionOperator.Integration.Tests.Servers;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Integration.Tests.Outage;

/// <summary>A sidecar in a process of its own, so that it can be killed as a kernel kills.</summary>
internal sealed class SidecarProcess : SidecarClient
{
    private readonly string _directory;
    private ServerProcess? _process;

    public SidecarProcess(string directory) : base(directory) => _directory = directory;

    public async Task StartAsync()
    {
        _process?.Dispose();
        _process = ServerProcess.Start(Path.Combine(_directory, "log"), Path.Combine(AppContext.BaseDirectory, "SessionOperator.Sidecar"),
            "--directory", _directory, "--journal", Path.Combine(_directory, "journal"), "--database", "shop/orders", "--pod", "web-1");
        await AnswersAsync();
    }

    public Task KillAsync() => _process!.EndAsync(ServerProcess.Signal.Kill);

    public void End() => _process?.Dispose();
}
