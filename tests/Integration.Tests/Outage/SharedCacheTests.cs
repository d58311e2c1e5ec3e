using SessionOperator.Integration.Tests.Servers;
using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Integration.Tests.Outage;

/// <summary>What a pod may say and do while the cache that it shares with others does not tell what they did.</summary>
public sealed class SharedCacheTests(SharedPostgres postgres) : TwoPodsTest(postgres)
{
    private static Decision Drain(bool settled) => new()
    {
        Epoch = 2,
        Mode = Mode.Drain,
        LeaseMs = 60_000,
        Settled = settled,
        Fleet = 2,
        Fallback = Mode.Cache,
        Phase = Phase.Recovering,
    };

    private static async Task<int> UnsavedAsync(SidecarClient sidecar) => (await sidecar.StatusAsync()).GetProperty("unsaved").GetInt32();

    [Fact]
    public async Task Without_the_cache_the_own_journal_is_no_proof_against_a_logout_or_a_save_elsewhere()
    {
        await Database.SeedAsync("ended", "before");
        await Database.SeedAsync("saved", "before");
        await TwoPodsInCacheAsync();
        foreach (var key in new[] { "ended", "saved" })
        {
            await SavedAsync(One, Save(key, "here"));
        }

        await DeletedAsync(Two, Delete("ended"));
        await SavedAsync(Two, Save("saved", "elsewhere, later"));
        await Cache.KillAsync();
        Assert.Equal("unreadable", await LoadAsync(One, "ended"));
        Assert.Equal("unreadable", await LoadAsync(One, "saved"));

        await Cache.ContinueAsync();
        await Eventually.True(async () => await LoadAsync(One, "saved") == "elsewhere, later" && await LoadAsync(One, "ended") == "deleted");
    }

    [Fact]
    public async Task What_a_request_saves_that_was_under_way_when_the_cache_was_lost_is_kept_but_undoes_no_logout()
    {
        await Database.SeedAsync("ended", "before");
        await Database.SeedAsync("saved", "before");
        await TwoPodsInCacheAsync();
        foreach (var key in new[] { "ended", "saved" })
        {
            await SavedAsync(One, Save(key, "here"));
        }

        await DeletedAsync(Two, Delete("ended"));
        await SavedAsync(Two, Save("saved", "elsewhere"));
        await SavedAsync(Two, Save("saved", "elsewhere, later"));
        await Cache.KillAsync();
        // Acknowledged, and no proof for this pod: another one may have been told of a logout just before.
        await SavedAsync(One, Save("saved", "in the end"));
        await SavedAsync(One, Save("ended", "in the end"));
        // What changes nothing is not worth a doubt.
        Assert.Equal("refused", await One.OutcomeAsync("/v1/save", Save("saved", "elsewhere, later", "optional")));
        Assert.Equal("unreadable", await LoadAsync(One, "saved"));
        Assert.Equal("unreadable", await LoadAsync(One, "ended"));
        Assert.Equal("unreadable", await LoadAsync(Two, "saved"));

        await Cache.ContinueAsync();
        await Eventually.True(async () => await LoadAsync(One, "saved") == "in the end" && await LoadAsync(Two, "saved") == "in the end");
        Assert.Equal(("deleted", "deleted"), (await LoadAsync(One, "ended"), await LoadAsync(Two, "ended")));
    }

    [Fact]
    public async Task A_save_without_the_cache_stands_on_what_its_request_has_loaded()
    {
        await Database.SeedAsync("a", "before");
        await TwoPodsInCacheAsync();
        await SavedAsync(Two, Save("a", "elsewhere", root: "before"));
        await SavedAsync(Two, Save("born", "elsewhere", create: true));
        Assert.Equal(("elsewhere", "elsewhere"), (await LoadAsync(One, "a"), await LoadAsync(One, "born")));
        await Cache.KillAsync();
        await SavedAsync(One, Save("a", "in the end", root: "elsewhere"));
        await SavedAsync(One, Save("born", "in the end", root: "elsewhere"));
        await Cache.ContinueAsync();
        await Eventually.True(async () => await LoadAsync(Two, "a") == "in the end" && await LoadAsync(Two, "born") == "in the end");
        await SayAsync(Mode.Drain);
        await Eventually.True(async () => await UnsavedAsync(One) == 0 && await UnsavedAsync(Two) == 0);
        await RowsAreAsync(("a", "in the end"), ("born", "in the end"));
    }

    [Fact]
    public async Task A_session_born_since_the_cache_was_lost_is_served_and_ended_by_its_own_pod_alone()
    {
        await Database.SeedAsync("old", "before");
        await TwoPodsInCacheAsync();
        await SavedAsync(One, Save("old", "here"));
        await Cache.KillAsync();
        await SavedAsync(One, Save("a", "born", create: true));
        await SavedAsync(One, Save("a", "changed"));
        await SavedAsync(One, Save("b", "born", create: true));
        Assert.Equal(("changed", "born"), (await LoadAsync(One, "a"), await LoadAsync(One, "b")));
        Assert.Equal("unreadable", await LoadAsync(Two, "a"));
        await DeletedAsync(One, Delete("b"));
        Assert.Equal("deleted", await LoadAsync(One, "b"));
        Assert.Equal("refused", await One.OutcomeAsync("/v1/delete", Delete("old")));
        Assert.Equal("refused", await Two.OutcomeAsync("/v1/delete", Delete("a")));

        await Cache.ContinueAsync();
        await Eventually.True(async () => await LoadAsync(Two, "a") == "changed" && await LoadAsync(Two, "b") == "deleted");
        await SavedAsync(Two, Save("a", "elsewhere"));
        // What was newest here is no more when the cache is lost again.
        await Cache.KillAsync();
        Assert.Equal("unreadable", await LoadAsync(One, "a"));
    }

    [Fact]
    public async Task A_sidecar_that_never_heard_of_another_pod_needs_no_cache_after_a_restart_without_its_operator_either()
    {
        await Database.SeedAsync("a", "before");
        var fake = await OperatorAsync();
        One = await SidecarAsync(fake.Address);
        First = await fake.Streams.NextAsync();
        await First.Say(new Decision { Epoch = 1, Mode = Mode.Cache, LeaseMs = 60_000, Settled = true, Fleet = 1, Fallback = Mode.Cache, Phase = Phase.Unwritable });
        await Eventually.True(() => One.PageMode == (byte)Mode.Cache);
        await Database.ReadOnlyAsync();
        await Cache.KillAsync();
        await SavedAsync(One, Save("a", "acknowledged", root: "before"));
        await fake.DisposeAsync();
        await One.RestartAsync();
        await HelloAsync(One);
        Assert.Equal("acknowledged", await LoadAsync(One, "a"));
        await SavedAsync(One, Save("a", "again"));
        await DeletedAsync(One, Delete("a"));
        Assert.Equal("deleted", await LoadAsync(One, "a"));
    }

    [Fact]
    public async Task A_sidecar_that_heard_of_another_pod_knows_it_after_a_restart_without_its_operator()
    {
        await Database.SeedAsync("a", "before");
        await TwoPodsInCacheAsync();
        await SavedAsync(One, Save("a", "acknowledged"));
        await Database.ReadOnlyAsync();
        await Cache.KillAsync();
        First.End();
        await One.RestartAsync();
        await HelloAsync(One);
        Assert.Equal("unreadable", await LoadAsync(One, "a"));
        Assert.Equal("refused", await One.OutcomeAsync("/v1/delete", Delete("a")));
    }

    [Fact]
    public async Task A_session_born_while_the_cache_was_frozen_is_made_known_to_the_others()
    {
        await TwoPodsInCacheAsync();
        Cache.Freeze();
        await SavedAsync(One, Save("born", "while frozen", create: true));
        // Whatever asks the cache meanwhile must not make it forget that.
        Assert.Equal("unreadable", await LoadAsync(One, "another"));
        Cache.Thaw();
        await Eventually.True(async () => await LoadAsync(Two, "born") == "while frozen");
    }

    [Fact]
    public async Task A_logout_by_an_app_whose_sidecar_is_down_counts_in_every_pod()
    {
        await Database.SeedAsync("a", "before");
        await TwoPodsInCacheAsync();
        await SavedAsync(One, Save("a", "in", tombstone: "tombstone.a"));
        await SavedAsync(Two, Save("born", "in", create: true, tombstone: "tombstone.born"));
        await SetEntryAsync("tombstone.a");
        await SetEntryAsync("tombstone.born");
        Assert.Equal("deleted", await LoadAsync(Two, "a"));
        Assert.Equal("deleted", await Two.OutcomeAsync("/v1/save", Save("a", "back")));
        Assert.Equal("deleted", await LoadAsync(One, "born"));
        await SayAsync(Mode.Drain);
        await Eventually.True(async () => await UnsavedAsync(One) == 0 && await UnsavedAsync(Two) == 0);
        await RowsAreAsync();
    }

    [Fact]
    public async Task Without_the_cache_replay_writes_what_its_row_proves_and_keeps_the_rest_for_later()
    {
        await Database.SeedAsync("mine", "before");
        await Database.SeedAsync("doubtful", "before");
        await TwoPodsInCacheAsync();
        await SavedAsync(One, Save("mine", "here", root: "before"));
        await SavedAsync(One, Save("doubtful", "here"));
        await SavedAsync(One, Save("born", "here", create: true));
        await SayAsync(Mode.Drain, settled: false);
        await Cache.KillAsync();
        await Eventually.True(async () => (await Database.RowsAsync())["mine"] == "here");
        await RowsAreAsync(("doubtful", "before"), ("mine", "here"));
        Assert.Equal(2, await UnsavedAsync(One));

        await Cache.ContinueAsync();
        await Eventually.True(async () => await UnsavedAsync(One) == 0);
        await RowsAreAsync(("born", "here"), ("doubtful", "here"), ("mine", "here"));
    }

    [Fact]
    public async Task In_a_drain_without_the_cache_a_new_session_is_in_the_database_before_it_is_acknowledged()
    {
        await TwoPodsInCacheAsync();
        await SayAsync(Mode.Drain);
        await Cache.KillAsync();
        await SavedAsync(One, Save("born", "in the drain", create: true));
        await RowsAreAsync(("born", "in the drain"));
        Assert.Equal(0, await UnsavedAsync(One));
    }

    [Fact]
    public async Task An_older_record_that_only_the_cache_knew_to_be_old_does_not_come_back_when_the_cache_is_emptied()
    {
        await Database.SeedAsync("a", "before");
        await TwoPodsInCacheAsync();
        await SavedAsync(One, Save("a", "older", root: "before"));
        await SavedAsync(Two, Save("a", "newest"));
        // The first pod's replay has to wait, the second's has not: its journal forgets what the database has.
        await First.Say(Drain(settled: false));
        await Second.Say(Drain(settled: true));
        await Eventually.True(async () => await UnsavedAsync(Two) == 0);
        await RowsAreAsync(("a", "newest"));
        await Cache.KillAsync();
        await Cache.ContinueAsync();
        await Eventually.True(async () => await LoadAsync(Two, "a") == "none" && await LoadAsync(One, "a") == "none");
        await Eventually.True(async () => await UnsavedAsync(One) == 0);
        await RowsAreAsync(("a", "newest"));
    }

    [Fact]
    public async Task A_row_that_two_requests_left_unlike_the_engines_entry_before_the_outage_does_not_end_what_was_saved_in_it()
    {
        await Database.SeedAsync("a", "one of two");
        await TwoPodsInCacheAsync();
        await SavedAsync(One, Save("a", "in the outage", root: "the other of two, which the engine's entry held"));
        await Cache.KillAsync();
        await Cache.ContinueAsync();
        await Eventually.True(async () => await LoadAsync(Two, "a") == "in the outage" && await LoadAsync(One, "a") == "in the outage");
        await SayAsync(Mode.Drain);
        await Eventually.True(async () => await UnsavedAsync(One) == 0);
        await RowsAreAsync(("a", "in the outage"));
    }

    [Fact]
    public async Task A_save_that_waits_for_the_database_does_not_hide_what_it_stands_on()
    {
        await Database.SeedAsync("a", "before");
        await TwoPodsInCacheAsync();
        await SavedAsync(One, Save("a", "acknowledged"));
        await Database.ReadOnlyAsync();
        await SayAsync(Mode.Drain);
        var born = One.OutcomeAsync("/v1/save", Save("born", "in the drain", create: true));
        var changed = One.OutcomeAsync("/v1/save", Save("a", "in the drain"));
        await Eventually.True(async () => await LoadAsync(Two, "born") == "in the drain" && await LoadAsync(Two, "a") == "in the drain");
        Assert.True(await UnsavedAsync(One) > 0);

        // The recovery overtakes them: a new session is there before anybody hears of it, the other is the engine's to save.
        await Database.WritableAsync();
        await SayAsync(Mode.Normal);
        Assert.Equal("saved", await born);
        Assert.Contains(await changed, new[] { "saved", "normal" });
        Assert.Equal("in the drain", (await Database.RowsAsync())["born"]);
    }
}
