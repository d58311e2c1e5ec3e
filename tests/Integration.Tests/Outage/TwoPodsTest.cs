using System.Diagnostics;
using SessionOperator.Integration.Tests.Servers;
using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Integration.Tests.Outage;

/// <summary>Two pods of one app on one cache and one database, told the mode by the test.</summary>
public abstract class TwoPodsTest(SharedPostgres postgres) : OutageTest(postgres)
{
    private protected FakeOperator.Stream First { get; set; } = null!;
    private protected FakeOperator.Stream Second { get; private set; } = null!;
    private protected RunningSidecar One { get; set; } = null!;
    private protected RunningSidecar Two { get; private set; } = null!;
    private ulong _epoch;

    private protected async Task TwoPodsInCacheAsync()
    {
        var fake = await OperatorAsync();
        One = await SidecarAsync(fake.Address);
        First = await fake.Streams.NextAsync();
        Two = await SidecarAsync(fake.Address);
        Second = await fake.Streams.NextAsync();
        await SayAsync(Mode.Cache);
    }

    /// <summary>Both pods are told, and the epoch is settled unless said otherwise; ends when the first shows it, or something else.</summary>
    private protected async Task SayAsync(Mode mode, bool settled = true, Mode? shows = null)
    {
        _epoch++;
        foreach (var last in settled ? new[] { false, true } : [false])
        {
            foreach (var stream in new[] { First, Second })
            {
                await stream.Say(new Decision
                {
                    Epoch = _epoch,
                    Mode = mode,
                    LeaseMs = 60_000,
                    Settled = last,
                    Fleet = 2,
                    Fallback = Mode.Cache,
                    LastNormalEpoch = mode == Mode.Normal ? _epoch : 0,
                    Phase = mode switch { Mode.Normal => Phase.Writable, Mode.Drain => Phase.Recovering, _ => Phase.Unwritable },
                });
            }

            await Eventually.True(() => One.PageMode == (byte)(shows ?? mode) && (shows is not null || Two.PageMode == (byte)mode));
        }

        if (mode != Mode.Normal)
        {
            await Eventually.True(async () => await HeardAsync(One) && await HeardAsync(Two));
        }

        async Task<bool> HeardAsync(RunningSidecar sidecar)
        {
            var status = await sidecar.StatusAsync();
            return status.GetProperty("epoch").GetUInt64() == _epoch && status.GetProperty("settled").GetBoolean() == settled;
        }
    }

    /// <summary>The first serves sessions by records; the other has met nothing, and its engine goes on with the rows.</summary>
    private protected async Task OneApartAsync()
    {
        await TwoPodsInCacheAsync();
        await SayAsync(Mode.Drain);
        // Before the pod is alone: a probe that began earlier would lead it out again.
        await Database.ReadOnlyAsync();
        await SayAsync(Mode.Normal);
        await OutageAsync(One);
    }

    /// <summary>The sidecar serves that state, and the database has said what the row holds: one that does not answer is waited for, a tenth of a second.</summary>
    private protected static Task RowAnsweredAsync(SidecarClient sidecar, string key, string data) => Eventually.True(async () =>
    {
        var asked = Stopwatch.GetTimestamp();
        return await LoadAsync(sidecar, key) == data && Stopwatch.GetElapsedTime(asked) < TimeSpan.FromMilliseconds(100);
    });

    /// <summary>Both drain, until each has brought what it has to the database.</summary>
    private protected async Task DrainedAsync()
    {
        await SayAsync(Mode.Drain);
        foreach (var sidecar in new[] { One, Two })
        {
            await Eventually.True(async () => (await sidecar.StatusAsync()).GetProperty("unsaved").GetInt32() == 0);
        }
    }

    /// <summary>All are in fallback, the database takes writes again, and both drain.</summary>
    private protected async Task ReplayedAsync()
    {
        await SayAsync(Mode.Cache);
        await Database.WritableAsync();
        await DrainedAsync();
    }

    /// <summary>What the sidecar of a pod in Normal says of a session of which the engine finds no row.</summary>
    private protected static async Task<string> RowGoneAsync(SidecarClient sidecar, string key)
    {
        var answer = await sidecar.OkAsync("/v1/load", new { key, rowGone = true });
        var status = answer.GetProperty("status").GetString()!;
        return status == "found" ? answer.GetProperty("columns").GetProperty(Make.Data).GetString()! : status;
    }
}
