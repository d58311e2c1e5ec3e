using System.Diagnostics;
using SessionOperator.Integration.Tests.Servers;
using SessionOperator.Sidecar.Cache;
using SessionOperator.Sidecar.Sessions;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Integration.Tests.Outage;

/// <summary>Two pods of one app whose operator is away: they have the shared cache and the database, and nobody who tells both the mode.</summary>
public sealed class UnattendedTests(SharedPostgres postgres) : OutageTest(postgres)
{
    private const byte InCache = 2;

    private async Task<(RunningSidecar One, RunningSidecar Two)> PodsAsync()
    {
        var nobody = $"http://{RunningSidecar.FreePort()}";
        return (await SidecarAsync(nobody), await SidecarAsync(nobody));
    }

    private static object Ended(string key) => new { key, expires = Later, rowGone = true };

    [Fact]
    public async Task A_pod_that_met_no_failure_follows_one_that_did_once()
    {
        await Database.SeedAsync("a", "before");
        var (one, two) = await PodsAsync();
        await OutageAsync(one);
        await SavedAsync(one, Save("a", "in the outage", root: "before"));
        await Eventually.True(() => two.PageMode == InCache);
        Assert.Equal("in the outage", await LoadAsync(two, "a"));
        await SavedAsync(two, Save("a", "later, on the other pod", root: "before"));
        await using var words = new RecordCache(new MemcachedStore([Cache.Address]), Backends.Identity(Database.Description(), "django_session", ""));
        var word = await words.NoticeAsync("outage", TestContext.Current.CancellationToken);
        Assert.NotNull(word);
        await RecoveryAsync(one, two);
        await RowsAreAsync(("a", "later, on the other pod"));
        // What they told each other is still there for a moment: nobody follows it a second time.
        await words.SetNoticeAsync("outage", word, TimeSpan.FromSeconds(3), TestContext.Current.CancellationToken);
        for (var looked = Stopwatch.StartNew(); looked.Elapsed < TimeSpan.FromSeconds(1); await Task.Delay(10, TestContext.Current.CancellationToken))
        {
            Assert.Equal((0, 0), (one.PageMode, two.PageMode));
        }

        // The next outage is another one.
        await OutageAsync(two);
        await Eventually.True(() => one.PageMode == InCache);
    }

    [Fact]
    public async Task A_session_that_the_engine_ends_in_Normal_is_ended_for_a_pod_in_fallback()
    {
        await Database.SeedAsync("ended", "before");
        var (one, two) = await PodsAsync();
        await Database.ExecuteAsync("DELETE FROM django_session WHERE session_key = 'ended'");
        Assert.Equal("deleted", await two.OutcomeAsync("/v1/delete", Ended("ended")));
        Assert.Equal("normal", await two.OutcomeAsync("/v1/delete", Delete("a")));
        Assert.Equal(0, two.PageMode);
        await OutageAsync(one);
        // A request that had loaded it before.
        Assert.Equal("deleted", await one.OutcomeAsync("/v1/save", Save("ended", "loaded before")));
        Assert.Equal("deleted", await LoadAsync(one, "ended"));
        await RecoveryAsync(one, two);
        await RowsAreAsync();
    }

    [Fact]
    public async Task Sessions_born_before_the_cache_was_emptied_are_inserted_and_those_ended_since_are_not()
    {
        var (one, two) = await PodsAsync();
        await OutageAsync(one, two);
        foreach (var key in new[] { "born", "ended" })
        {
            await SavedAsync(one, Save(key, "in the outage", create: true, entry: "engine." + key));
            await SetEntryAsync("engine." + key);
            Assert.Equal("in the outage", await LoadAsync(two, key));
        }

        await DeletedAsync(two, Ended("ended"));
        await Cache.KillAsync();
        await Cache.ContinueAsync();
        await RecoveryAsync(one, two);
        await RowsAreAsync(("born", "in the outage"));
    }
}
