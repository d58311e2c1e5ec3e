using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace SessionOperator.Integration.Tests.Servers;

/// <summary>A server this test started: ended by its process id, its output in a file.</summary>
internal sealed class ServerProcess : IDisposable
{
    private readonly Process _process;

    private ServerProcess(Process process) => _process = process;

    /// <summary>Signals of kill(2) on Linux.</summary>
    public enum Signal
    {
        Interrupt = 2,
        Kill = 9,
        Terminate = 15,
        Continue = 18,
        Stop = 19,
    }

    public bool Running => !_process.HasExited;

    /// <summary>The program itself is started, not a shell: the process id is the server's.</summary>
    public static ServerProcess Start(string log, params string[] command)
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", "exec \"$@\" >>\"$0\" 2>&1", log, .. command]);
        return new ServerProcess(Process.Start(start) ?? throw new InvalidOperationException($"{command[0]} was not started"));
    }

    /// <summary>Runs a program to its end.</summary>
    public static void Run(params string[] command)
    {
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{command[0]} was not started");
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{string.Join(' ', command)}: {errors}{output.Result}");
    }

    public static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    public void Send(Signal signal) => Run("/bin/sh", "-c", $"kill -{(int)signal} {_process.Id}");

    /// <summary>Sends a signal and waits for the end.</summary>
    public async Task EndAsync(Signal signal)
    {
        Send(signal);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await _process.WaitForExitAsync(deadline.Token);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
    }
}
