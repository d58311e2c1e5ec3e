using System.Globalization;
using SessionOperator.Operator.Decisions;
using SessionOperator.Operator.Signals;

namespace SessionOperator.Simulation.Tests;

/// <summary>
/// Random schedules. A failing one names its seed: SIMULATION_SEED=n runs only that; SIMULATION_RUNS=n runs more than usual.
/// </summary>
public class SimulationTests
{
    private static readonly SignalKind[] s_faults = [SignalKind.Unreachable, SignalKind.ReadOnly, SignalKind.Deadline];

    private static IEnumerable<int> Seeds()
    {
        if (Environment.GetEnvironmentVariable("SIMULATION_SEED") is { } one)
        {
            return [int.Parse(one, CultureInfo.InvariantCulture)];
        }
        var runs = Environment.GetEnvironmentVariable("SIMULATION_RUNS") is { } many ? int.Parse(many, CultureInfo.InvariantCulture) : 100;
        return Enumerable.Range(1, runs);
    }

    private static void ForEverySeed(Action<int> run)
    {
        foreach (var seed in Seeds())
        {
            TestContext.Current.CancellationToken.ThrowIfCancellationRequested();
            run(seed);
        }
    }

    private static void EndsWell(World world)
    {
        world.Repair();
        foreach (var sidecar in world.Sidecars)
        {
            (sidecar.CutOff, sidecar.Complaint) = (false, null);
        }
        world.Run(120);
        if (world.Operator.State.Decision is not { Phase: Phase.Writable, Mode: Mode.Normal } || !world.Operator.Fleet().Settled
            || world.Sidecars.Exists(s => s.Mode != Mode.Normal || s.Epoch != world.Operator.State.Decision.Epoch))
        {
            world.Fail($"two minutes after the last fault: {world.Operator.State.Decision}, {string.Join(", ", world.Sidecars.Select(s => $"{s.Id} {s.Epoch} {s.Mode}"))}");
        }
    }

    [Fact]
    public void Whatever_happens_epochs_grow_outages_are_found_and_all_ends_well() => ForEverySeed(seed =>
    {
        var world = new World(seed, 1 + (seed % 5));
        world.Run(2);
        for (var i = 0; i < 12; i++)
        {
            Disturb(world);
            world.Run(world.Random.NextDouble() * 8);
        }
        EndsWell(world);
    });

    [Fact]
    public void An_outage_of_all_is_found_in_time_and_reopened_in_time() => ForEverySeed(seed =>
    {
        var world = new World(seed, 1 + (seed % 5));
        world.Run(4);
        var kind = s_faults[seed % s_faults.Length];
        world.Break(kind);
        // F5 to F9: below 1.5 s; F8 and F10 have to wait for a deadline first.
        world.Run(kind == SignalKind.Deadline ? 3 : 1.4);
        if (world.Sidecars.Exists(s => s.Mode != Mode.Cache))
        {
            world.Fail("somebody has not heard of the outage in time");
        }
        world.Run(5);
        world.Repair();
        // F22: drained and normal within the dwell time, two probes and what the replay takes.
        world.Run(6);
        if (world.Sidecars.Exists(s => s.Mode != Mode.Normal))
        {
            world.Fail("somebody has not heard of the recovery in time");
        }
    });

    [Theory]
    [InlineData(SignalKind.Misconfigured)]
    [InlineData(SignalKind.Saturated)]
    public void Misconfigured_and_saturated_never_flip(SignalKind kind) => ForEverySeed(seed =>
    {
        var world = new World(seed, 1 + (seed % 5));
        world.Run(3);
        for (var i = 0; i < 10; i++)
        {
            if (world.Random.Next(2) == 0)
            {
                world.Break(kind);
            }
            else
            {
                world.Repair();
            }
            world.Sidecars[world.Random.Next(world.Sidecars.Count)].Complaint = kind;
            world.Run(world.Random.NextDouble() * 5);
        }
        if (world.History.Exists(d => d.Mode != Mode.Normal))
        {
            world.Fail($"{kind} changed the mode");
        }
    });

    [Fact]
    public void What_only_one_sidecar_cannot_reach_never_flips_the_fleet() => ForEverySeed(seed =>
    {
        var world = new World(seed, 2 + (seed % 4));
        world.Run(4);
        var unlucky = world.Sidecars[world.Random.Next(world.Sidecars.Count)];
        for (var i = 0; i < 10; i++)
        {
            unlucky.CutOff = !unlucky.CutOff;
            world.Note($"{unlucky.Id} cut off: {unlucky.CutOff}");
            world.Run(world.Random.NextDouble() * 8);
        }
        if (world.History.Exists(d => d.Mode != Mode.Normal))
        {
            world.Fail("one sidecar's bad news flipped the fleet");
        }
    });

    [Fact]
    public void Without_trouble_nothing_flips_not_even_over_restarts() => ForEverySeed(seed =>
    {
        var world = new World(seed, 1 + (seed % 5));
        for (var i = 0; i < 6; i++)
        {
            world.Run(world.Random.NextDouble() * 5);
            world.Restart();
        }
        world.Run(5);
        if (world.History.Exists(d => d.Mode != Mode.Normal))
        {
            world.Fail("a mode changed for nothing");
        }
    });

    [Fact]
    public void An_operator_that_restarts_in_an_outage_does_not_reopen_before_the_database_does() => ForEverySeed(seed =>
    {
        var world = new World(seed, 1 + (seed % 5));
        world.Run(4);
        world.Break(s_faults[seed % s_faults.Length]);
        world.Run(5);
        var before = world.Operator.State.Decision.Epoch;
        world.Restart();
        for (var i = 0; i < 50; i++)
        {
            world.Run(0.1);
            if (world.Sidecars.Exists(s => s.Mode != Mode.Cache))
            {
                world.Fail("a sidecar left the fallback although the database is down");
            }
        }
        if (world.Operator.State.Decision.Epoch < before)
        {
            world.Fail("the new operator fell behind the old one");
        }
        EndsWell(world);
    });

    [Fact]
    public void A_flapping_database_is_reopened_ever_more_reluctantly()
    {
        var world = new World(7, 3);
        world.Run(4);
        for (var i = 0; i < 120; i++)
        {
            world.Break(SignalKind.Unreachable);
            world.Run(1.5);
            world.Repair();
            world.Run(3.5);
        }
        // Ten minutes that break every 5 s: 120 chances, taken only while it did not yet look like flapping.
        Assert.InRange(world.History.Count(d => d.Mode == Mode.Normal), 2, 10);
    }

    private static void Disturb(World world)
    {
        var victim = world.Sidecars[world.Random.Next(world.Sidecars.Count)];
        switch (world.Random.Next(10))
        {
            case 0 or 1 or 2:
                world.Break(s_faults[world.Random.Next(s_faults.Length)]);
                break;
            case 3 or 4:
                world.Repair();
                break;
            case 5:
                world.Restart();
                break;
            case 6:
                world.Reconnect(victim);
                break;
            case 7:
                world.Announce(TimeSpan.FromSeconds(world.Random.NextDouble() * 10));
                break;
            case 8:
                victim.CutOff = !victim.CutOff;
                world.Note($"{victim.Id} cut off: {victim.CutOff}");
                break;
            default:
                world.Complain(victim, victim.Complaint is null ? SignalKind.Misconfigured : null);
                break;
        }
    }
}
