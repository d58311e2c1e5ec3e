using SessionOperator.Sidecar.Install;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Sidecar.Tests.Install;

public sealed class InstallTests : IDisposable
{
    private readonly TempDirectory _directory = new();
    private readonly StringWriter _output = new();
    private readonly StringWriter _errors = new();

    public InstallTests()
    {
        Directory.CreateDirectory(Path.Combine(Source, "session_operator", "__pycache__"));
        File.WriteAllText(Path.Combine(Source, "sitecustomize.py"), "entry");
        File.WriteAllText(Path.Combine(Source, "session_operator", "page.py"), "page");
        File.WriteAllText(Path.Combine(Source, "session_operator", "__pycache__", "page.pyc"), "compiled");
    }

    private string Source => _directory["source"];

    private string Target => _directory["run/adapter"];

    public void Dispose()
    {
        _output.Dispose();
        _errors.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task Everything_is_there_and_anyone_may_read_it()
    {
        Assert.Equal(0, await Run("--install-adapter", Source, Target));
        Assert.Equal("entry", File.ReadAllText(Path.Combine(Target, "sitecustomize.py")));
        Assert.Equal("page", File.ReadAllText(Path.Combine(Target, "session_operator", "page.py")));
        Assert.Equal(["page.py", "sitecustomize.py"], Directory.GetFiles(Target, "*", SearchOption.AllDirectories).Select(Path.GetFileName).Order());
        Assert.True(File.GetUnixFileMode(Path.Combine(Target, "sitecustomize.py")).HasFlag(UnixFileMode.OtherRead));
        Assert.True(File.GetUnixFileMode(Path.Combine(Target, "session_operator")).HasFlag(UnixFileMode.OtherRead | UnixFileMode.OtherExecute));
        Assert.Contains("2 files of the adapter", _output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_time_replaces_what_is_there()
    {
        await Run("--install-adapter", Source, Target);
        File.WriteAllText(Path.Combine(Source, "session_operator", "page.py"), "newer");
        Assert.Equal(0, await Run("--install-adapter", Source, Target));
        Assert.Equal("newer", File.ReadAllText(Path.Combine(Target, "session_operator", "page.py")));
    }

    [Fact]
    public async Task What_Python_loads_by_itself_is_not_there_before_all_the_rest_is()
    {
        // A folder where a file should go: the copy fails in the middle.
        Directory.CreateDirectory(Path.Combine(Target, "session_operator", "page.py.new"));
        Assert.Equal(1, await Run("--install-adapter", Source, Target));
        Assert.False(File.Exists(Path.Combine(Target, "sitecustomize.py")));
        Assert.Contains("the adapter cannot be copied from", _errors.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_init_container_reports_what_is_wrong_and_lets_the_app_start()
    {
        Assert.Equal(1, await Run("--install-adapter", _directory["nothing"], Target));
        Assert.Equal(0, await Run("--install-adapter", _directory["nothing"], Target, "--or-leave-stock"));
        Assert.Contains("does not hold the adapter (sitecustomize.py is missing)", _errors.ToString(), StringComparison.Ordinal);
        Assert.Contains("the app runs without it", _errors.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Arguments_of_a_run_are_no_command_and_half_a_command_is_refused()
    {
        Assert.Null(await Commands.RunAsync(["--directory", "/x"], _output, _errors));
        Assert.Equal(2, await Run("--install-adapter", Source));
        Assert.Contains("--install-adapter SOURCE TARGET", _errors.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_check_tells_a_sidecar_from_none()
    {
        Assert.Equal(1, await Run("--check", _directory.Path));
        Assert.Contains("no sidecar on", _errors.ToString(), StringComparison.Ordinal);
        await using var sidecar = await RunningSidecar.StartAsync();
        Assert.Equal(0, await Run("--check", Path.GetDirectoryName(sidecar.PagePath)!));
    }

    [Fact]
    public async Task A_sidecar_puts_the_adapter_there_before_it_answers_and_works_without_one()
    {
        var port = RunningSidecar.FreePort();
        using var taken = new System.Net.Sockets.TcpListener(port);
        taken.Start();
        foreach (var source in (string[])[Source, _directory["nothing"]])
        {
            var run = _directory[Path.GetFileName(source) + "-run"];
            await using var host = SidecarHost.Create(
                new Options(run, _directory[Path.GetFileName(source) + "-journal"], null, "shop/orders", "web-1", port, TimeSpan.FromSeconds(1.5), TimeSpan.Zero)
                {
                    Adapter = source,
                    HttpIfFree = true,
                });
            var running = host.RunAsync();
            await Eventually.True(async () => await Run("--check", run) == 0);
            Assert.Equal(source == Source, File.Exists(Path.Combine(run, "adapter", "sitecustomize.py")));
            host.Stop();
            await running;
        }
    }

    private async Task<int> Run(params string[] arguments) => (await Commands.RunAsync(arguments, _output, _errors))!.Value;
}
