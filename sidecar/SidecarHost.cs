using System.Net.Sockets;
using System.Reflection;
using System.Security.Cryptography;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Prometheus;
using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Cache;
using SessionOperator.Sidecar.Control;
using SessionOperator.Sidecar.Handover;
using SessionOperator.Sidecar.Install;
using SessionOperator.Sidecar.Journal;
using SessionOperator.Sidecar.Probing;
using SessionOperator.Sidecar.Replay;
using SessionOperator.Sidecar.Sessions;

namespace SessionOperator.Sidecar;

/// <summary>The whole sidecar, wired by hand: what there is and who talks to whom is all in here.</summary>
internal sealed class SidecarHost : IAsyncDisposable
{
    public static readonly string Version = typeof(SidecarHost).Assembly.GetName().Version?.ToString(3) ?? "0";

    private static readonly TimeSpan GoodbyeWait = TimeSpan.FromMilliseconds(500);

    private readonly WebApplication _app;
    private readonly ModeController _mode;
    private readonly SessionJournal _journal;
    private readonly Prober _prober;
    private readonly Replayer _replayer;
    private readonly CacheCanary _canary;
    private readonly OutageNotice _notice;
    private readonly FleetStream? _fleet;
    private readonly Departure? _departure;
    private readonly CancellationTokenSource _stopping = new();
    private readonly ILogger _log;
    private readonly Options _options;

    private SidecarHost(Options options)
    {
        _options = options;
        // No configuration file is read, so none is watched: the watch would follow every change below the working directory.
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions
        {
            Args = ["--hostBuilder:reloadConfigOnChange=false"],
            ContentRootPath = AppContext.BaseDirectory,
        });
        builder.Logging.ClearProviders().AddSimpleConsole(o =>
        {
            o.SingleLine = true;
            o.UseUtcTimestamp = true;
            o.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
        });
        builder.Logging.SetMinimumLevel(LogLevel.Information).AddFilter("Microsoft", LogLevel.Warning);
        var socket = Path.Combine(options.Directory, "api.sock");
        File.Delete(socket);
        var door = new AppDoor(socket);
        var http = MetricsAddress.Find(options);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = LocalApi.MaxBodyBytes;
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromMinutes(10);
            kestrel.ListenUnixSocket(socket, listen =>
            {
                listen.Protocols = HttpProtocols.Http1;
                listen.Use(door.Count);
            });
            if (http is not null && options.HttpIfFree)
            {
                kestrel.ListenAnyIP(http.Port, listen => listen.Protocols = HttpProtocols.Http1);
            }
            else if (http is not null)
            {
                kestrel.Listen(http, listen => listen.Protocols = HttpProtocols.Http1);
            }
        });
        _app = builder.Build();
        _log = _app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("sidecar");
        InstallAdapter();
        if (options.Http is { } wanted && http is null)
        {
            _log.MetricsPortTaken(wanted.Port);
        }

        _journal = SessionJournal.Open(options.Journal, _log);
        Replayer? replayer = null;
        var page = new ModePage(Path.Combine(options.Directory, "mode"), options.Deadline);
        _mode = new ModeController(page, _journal, () => replayer?.Unsaved ?? _journal.Pending, options.Operator is null, _log);
        _prober = new Prober(_mode);
        var backends = new Backends(backend =>
        {
            _mode.Describe(backend.Limit, backend.Probe is not null);
            _prober.Use(backend.Probe);
        }, _log);
        _replayer = replayer = new Replayer(_mode, _journal, backends, _log);
        var recovered = new RecoveredRecords(_mode, _journal, backends, _prober, _log);
        _canary = new CacheCanary(_mode, backends, replayer, recovered, _log);
        replayer.CacheCounts = _canary.CountsAsync;
        replayer.EntriesLost = () => _canary.EntriesLost;
        var rescue = new Rescue(_mode, _prober);
        var presence = new AdapterPresence(options.Directory);
        var locks = new KeyLocks();
        var shared = new SharedRecords(_mode, backends, _log);
        var router = new SessionRouter(_mode, _journal, backends, replayer, recovered, _canary, shared, new PodsInNormal(_mode, _journal, backends, recovered, _canary, shared), locks);
        var ending = new SessionEnding(_mode, _journal, backends, replayer, recovered, _canary, shared, locks);
        _notice = new OutageNotice(_mode, backends, _log);

        // An app that has said hello has loaded the adapter, whether or not it could say so before.
        bool Loaded() => presence.InPlace || backends.Adapters > 0;

        Status Status()
        {
            var state = _mode.State;
            var unsaved = _departure?.Unsaved ?? replayer.Unsaved;
            SidecarMetrics.Unsaved.Set(unsaved);
            SidecarMetrics.Overflowed.Set(_journal.Overflowed);
            SidecarMetrics.CacheOk.Set(backends.Current?.Cache?.Ok ?? false ? 1 : 0);
            return new Status
            {
                Autonomous = state.Autonomous,
                Mode = state.Mode,
                Unsaved = (ulong)unsaved,
                Rescued = (ulong)rescue.Count,
                Replayed = (ulong)SidecarMetrics.Replayed.GetAllLabelValues().Sum(l => SidecarMetrics.Replayed.WithLabels(l).Value),
                Dropped = (ulong)SidecarMetrics.Dropped.GetAllLabelValues().Sum(l => SidecarMetrics.Dropped.WithLabels(l).Value),
                AdapterLoaded = backends.Adapters > 0,
                AdapterInPlace = Loaded(),
                CacheOk = backends.Current?.Cache?.Ok ?? false,
                FallbackLimit = state.Limit,
                Store = backends.Current?.Store ?? "",
                Leaving = _departure?.Leaving ?? false,
                Stranded = (ulong)(_departure?.Stranded ?? 0),
                LastWord = _departure?.LastWord ?? false,
            };
        }

        if (options.Operator is { } address)
        {
            var identity = new Identity(options.Database, options.Pod, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8)), Version);
            var trust = options.OperatorCa is { } given ? new OperatorTrust(given, Path.Combine(options.Journal, "operator-ca.pem")) : null;
            _fleet = new FleetStream(new FleetChannel(address, trust, options.Token), identity, _mode, Status, () => replayer.PublishAsync(_stopping.Token), _log)
            {
                OnProbeOrder = (interval, now) =>
                {
                    _prober.Order(interval);
                    if (now)
                    {
                        _prober.ProbeNow();
                    }
                },
            };
            _departure = new Departure(_journal, replayer, _mode, _fleet.Handover, door,
                () => backends.Current?.Cache?.Ok ?? false, options.Grace, _log)
            { Reconnect = _fleet.Reconnect, Sole = _canary.Sole };
            var reception = new Reception(_mode, _journal, backends, locks, () => _departure.Leaving, _log) { Sole = _canary.Sole };
            _fleet.Handover.Keep = reception.KeepAsync;
        }

        _prober.OnResult = OnProbe;
        rescue.OnEvidence = evidence => _fleet?.Send(evidence);

        var api = new LocalApi(router, ending, rescue, backends, presence, _mode, () => new StatusAnswer(
            "ok", 1, Version, _mode.State.Mode.ToString(), (_mode.State.Decision?.Phase ?? Phase.Unknown).ToString(),
            _mode.State.Decision?.Epoch ?? 0, _mode.State.Decision?.Reason ?? "", _mode.State.Autonomous, _fleet?.Connected ?? false,
            _mode.State.Settled, replayer.Unsaved, Loaded(), backends.Adapters, _mode.State.Fallback.ToString(), _mode.State.Limit), _log);
        _app.Run(context => context.Connection.LocalIpAddress is null ? door.ServeAsync(context, api.HandleAsync) : ObserveAsync(context, Status));
        _log.Started(Version, options.Database, socket, _journal.Pending);
    }

    /// <exception cref="IOException">A directory cannot be used.</exception>
    public static SidecarHost Create(Options options)
    {
        Directory.CreateDirectory(options.Directory);
        return new SidecarHost(options);
    }

    /// <summary>Serves until the process is told to stop.</summary>
    public async Task RunAsync()
    {
        await _app.StartAsync();
        // Apps run as other users of the same pod.
        File.SetUnixFileMode(Path.Combine(_options.Directory, "api.sock"), (UnixFileMode)0b110_110_110);
        Task[] work =
        [
            _prober.RunAsync(_stopping.Token),
            _replayer.RunAsync(_stopping.Token),
            _canary.RunAsync(_stopping.Token),
            _notice.RunAsync(_stopping.Token),
            _fleet?.RunAsync(_stopping.Token) ?? Task.Delay(Timeout.Infinite, _stopping.Token),
        ];
        var failed = Task.WhenAny(work);
        var told = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var signal = _app.Lifetime.ApplicationStopping.Register(told.SetResult);
        var ended = await Task.WhenAny(told.Task, failed);
        if (ended != failed && _departure is not null && await Task.WhenAny(_departure.RunAsync(_stopping.Token), failed) != failed
            && _departure.Leaving)
        {
            await _fleet!.EndAsync(GoodbyeWait);
        }

        await _app.StopAsync();
        await _stopping.CancelAsync();
        // The journal is closed after this: nobody may still be writing to it.
        await Task.WhenAll(work).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (ended == failed)
        {
            // A part that ends by itself is a defect: better to be restarted than to be half alive.
            await await failed;
            throw new InvalidOperationException("a part of the sidecar ended by itself");
        }
    }

    /// <summary>Ends <see cref="RunAsync"/>, as the signal to stop does.</summary>
    public void Stop() => _app.Lifetime.StopApplication();

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _mode.Dispose();
        await _journal.DisposeAsync();
        _stopping.Dispose();
    }

    private void InstallAdapter()
    {
        if (_options.Adapter is not { } source)
        {
            return;
        }

        try
        {
            AdapterInstaller.Install(source, Path.Combine(_options.Directory, "adapter"));
        }
        catch (IOException e)
        {
            // The app starts all the same: without the adapter it is what it was before.
            _log.AdapterNotInstalled(e.Message);
        }
    }

    private void OnProbe(ProbeResult result)
    {
        switch (result.Verdict)
        {
            case Evidence.Types.Verdict.Writable:
                _mode.Up();
                break;
            case Evidence.Types.Verdict.Misconfigured:
                _log.ProbeMisconfigured(result.Detail);
                break;
            default:
                // Outside a fallback of our own a probe only explains; the operator weighs it.
                if (result.Down && _mode.State.Mode != Mode.Normal)
                {
                    _mode.Down(result.Verdict);
                }

                break;
        }

        _fleet?.Send(new Evidence
        {
            Source = Evidence.Types.Source.Probe,
            Verdict = result.Verdict,
            Detail = result.Detail,
            ServerIdentity = result.Identity,
        });
    }

    private static async Task ObserveAsync(HttpContext context, Func<Status> status)
    {
        switch (context.Request.Path.Value)
        {
            case "/healthz":
                await context.Response.WriteAsync("ok\n");
                break;
            case "/metrics":
                status();
                context.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
                await Metrics.DefaultRegistry.CollectAndExportAsTextAsync(context.Response.Body, context.RequestAborted);
                break;
            default:
                context.Response.StatusCode = StatusCodes.Status404NotFound;
                break;
        }
    }
}
