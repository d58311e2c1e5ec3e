using System.Text.Json;
using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Tests.Cache;
using SessionOperator.Sidecar.Tests.Support;
using static SessionOperator.Sidecar.Tests.Support.RunningSidecar;

namespace SessionOperator.Sidecar.Tests.Sessions;

/// <summary>What is refused may have come into effect all the same, and then the answer says so.</summary>
public class UnconfirmedTests
{
    private static readonly object Delete = new { key = "a", expires = Make.Later };

    [Fact]
    public async Task A_logout_that_the_cache_took_and_died_of_is_not_said_to_have_changed_nothing()
    {
        var (taken, away) = (false, false);
        await using var cache = new ScriptedServer(async (line, send) =>
        {
            if (line.StartsWith("gets ", StringComparison.Ordinal))
            {
                away |= taken;
                await send(away ? "" : "END\r\n");
            }

            if (line.StartsWith("add ", StringComparison.Ordinal) && line.Contains(".a ", StringComparison.Ordinal))
            {
                taken = true;
                await send("STORED\r\n");
            }

            return !away;
        });
        await using var fleet = await FakeOperator.StartAsync();
        await using var sidecar = await InCacheAsync(fleet, cache.Address);
        var answer = await sidecar.OkAsync("/v1/delete", Delete);
        Assert.True(taken);
        Assert.Equal(("refused", true), (answer.GetProperty("status").GetString(), Uncertain(answer)));
    }

    [Fact]
    public async Task A_logout_that_nobody_was_asked_to_carry_out_changed_nothing()
    {
        await using var fleet = await FakeOperator.StartAsync();
        await using var sidecar = await InCacheAsync(fleet, FreePort().ToString());
        var answer = await sidecar.OkAsync("/v1/delete", Delete);
        Assert.Equal(("refused", false), (answer.GetProperty("status").GetString(), Uncertain(answer)));
    }

    private static bool Uncertain(JsonElement answer) => answer.TryGetProperty("uncertain", out var told) && told.GetBoolean();

    private static async Task<RunningSidecar> InCacheAsync(FakeOperator fleet, string cache)
    {
        var sidecar = await StartAsync(@operator: fleet.Address);
        var app = App();
        app["cache"] = new Dictionary<string, object?> { ["kind"] = "memcached", ["servers"] = new[] { cache } };
        await sidecar.OkAsync("/v1/hello", app);
        await (await fleet.Streams.NextAsync()).Say(new Decision
        {
            Epoch = 1,
            Mode = Mode.Cache,
            LeaseMs = 60_000,
            Settled = true,
            Fleet = 2,
            Fallback = Mode.Cache,
            Phase = Phase.Unwritable,
        });
        await Eventually.True(() => sidecar.PageMode == (byte)Mode.Cache);
        return sidecar;
    }
}
