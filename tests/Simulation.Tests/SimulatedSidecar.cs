using SessionOperator.Operator.Decisions;
using SessionOperator.Operator.Signals;

namespace SessionOperator.Simulation.Tests;

/// <summary>A sidecar with an app beside it, as far as the operator can tell.</summary>
internal sealed class SimulatedSidecar
{
    private readonly World _world;
    private readonly Timeline _time;
    private int _connection;
    private int _plan;
    private TimeSpan? _probeEvery;
    private DateTimeOffset _lastDelivery;
    private DateTimeOffset _sent;
    private uint _probeNow;

    public SimulatedSidecar(World world, Timeline time, string id)
    {
        (_world, _time, Id) = (world, time, id);
        _time.Every(100, Work);
    }

    public string Id { get; }

    public bool Connected { get; private set; }

    /// <summary>This pod cannot reach the database, whatever the others see.</summary>
    public bool CutOff { get; set; }

    /// <summary>Its app's credentials are refused.</summary>
    public SignalKind? Complaint { get; set; }

    public ulong Epoch { get; private set; }

    public Mode Mode { get; private set; }

    public ulong LastNormalEpoch { get; private set; }

    public int Unsaved { get; private set; }

    private bool LocalFallback { get; set; }

    private SignalKind Truth => CutOff ? SignalKind.Unreachable : Complaint ?? _world.Database;

    private static bool IsDown(SignalKind kind) => kind is SignalKind.ReadOnly or SignalKind.Unreachable or SignalKind.Deadline;

    public void Connect()
    {
        Connected = true;
        var connection = ++_connection;
        _lastDelivery = _time.Now;
        Send(connection, operatorSide =>
        {
            operatorSide.Join(Id, Id, new Claim(Epoch, Mode, LastNormalEpoch, Id), _time.Now);
            operatorSide.Report(Id, (ulong)Unsaved, true, LocalFallback, _time.Now);
        });
    }

    public void Disconnect()
    {
        Connected = false;
        _connection++;
        _probeEvery = null;
        _plan++;
        _world.Lost(Id);
    }

    /// <summary>A decision is on its way; it arrives after those sent before it.</summary>
    public void Receive(Decision decision, uint probeNow, TimeSpan? probeEvery)
    {
        var connection = _connection;
        var arrives = _time.Now.AddMilliseconds(_time.Random.Next(1, 40));
        _lastDelivery = arrives > _lastDelivery ? arrives : _lastDelivery;
        _time.In((_lastDelivery - _time.Now).TotalMilliseconds, () =>
        {
            if (connection == _connection && Connected && decision.Epoch >= Epoch)
            {
                Obey(decision, probeNow, probeEvery);
            }
        });
    }

    private void Obey(Decision decision, uint probeNow, TimeSpan? probeEvery)
    {
        _world.Obeyed(this, decision);
        LocalFallback = LocalFallback && decision.Mode == Mode.Normal && decision.Epoch == Epoch;
        (Epoch, Mode, LastNormalEpoch) = (decision.Epoch, decision.Mode, decision.LastNormalEpoch);
        var epoch = Epoch;
        Send(_connection, operatorSide => operatorSide.Ack(Id, epoch, _time.Now));
        Report();
        var hurry = probeNow > _probeNow;
        _probeNow = probeNow;
        if (probeEvery != _probeEvery || hurry)
        {
            _probeEvery = probeEvery;
            PlanProbe(hurry ? TimeSpan.Zero : probeEvery);
        }
    }

    /// <summary>One probe after the other; a new plan replaces the one before.</summary>
    private void PlanProbe(TimeSpan? wait)
    {
        var plan = ++_plan;
        if (wait is { } delay)
        {
            _time.In(delay.TotalMilliseconds, () =>
            {
                if (plan == _plan)
                {
                    Probe(() =>
                    {
                        if (plan == _plan)
                        {
                            PlanProbe(_probeEvery);
                        }
                    });
                }
            });
        }
    }

    private void Probe(Action then)
    {
        var hangs = Truth == SignalKind.Deadline;
        _time.In(hangs ? 1500 : _time.Random.Next(1, 20), () =>
        {
            var verdict = hangs ? SignalKind.Deadline : Truth;
            Tell(SignalOrigin.Probe, verdict);
            if (verdict == SignalKind.Writable && Mode == Mode.Normal)
            {
                LocalFallback = false;
                Unsaved = 0;
            }
            then();
        });
    }

    /// <summary>What the app and the replay do, ten times a second.</summary>
    private void Work()
    {
        if (Mode == Mode.Normal && IsDown(Truth) && (!LocalFallback || _time.Random.Next(10) == 0))
        {
            LocalFallback = true;
            Unsaved++;
            Tell(SignalOrigin.App, Truth);
            Probe(() => { });
        }
        else if (Mode == Mode.Cache && _time.Random.Next(10) == 0)
        {
            Unsaved++;
            Report();
        }
        else if (Mode == Mode.Drain && Unsaved > 0 && Truth == SignalKind.Writable)
        {
            Unsaved = Math.Max(0, Unsaved - 5);
            Report();
        }
        else if (_time.Random.Next(50) == 0)
        {
            Report();
        }
    }

    private void Report()
    {
        var (unsaved, autonomous) = ((ulong)Unsaved, LocalFallback);
        Send(_connection, operatorSide => operatorSide.Report(Id, unsaved, true, autonomous, _time.Now));
    }

    private void Tell(SignalOrigin origin, SignalKind kind)
    {
        var made = _time.Now;
        var server = kind == SignalKind.Writable ? _world.Server : "";
        Send(_connection, operatorSide => operatorSide.Observe(
            new Signal(origin, kind, Id, made) { HeardAt = _time.Now, ServerIdentity = server }));
    }

    private void Send(int connection, Action<Supervisor> deliver)
    {
        var arrives = _time.Now.AddMilliseconds(_time.Random.Next(1, 40));
        _sent = arrives > _sent ? arrives : _sent;
        _time.In((_sent - _time.Now).TotalMilliseconds, () =>
        {
            if (Connected && connection == _connection)
            {
                deliver(_world.Operator);
            }
        });
    }
}
