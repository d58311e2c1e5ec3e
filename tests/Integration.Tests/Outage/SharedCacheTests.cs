using SessionOperator.Integration.Tests.Servers;
using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Integration.Tests.Outage;

/// <summary>What a pod may say and do while the cache that it shares with others does not tell what they did.</summary>
public sealed class SharedCacheTests(SharedPostgres postgres) : OutageTest(postgres)
{
    private FakeOperator.Stream _first = null!;
    private FakeOperator.Stream _second = null!;
    private RunningSidecar _one = null!;
    private RunningSidecar _two = null!;
    private ulong _epoch;

    private async Task TwoPodsInCacheAsync()
    {
        var fake = await OperatorAsync();
        _one = await SidecarAsync(fake.Address);
        _first = await fake.Streams.NextAsync();
        _two = await SidecarAsync(fake.Address);
        _second = await fake.Streams.NextAsync();
        await SayAsync(Mode.Cache);
    }

    /// <summary>Both pods are told, and the epoch is settled unless said otherwise.</summary>
    private async Task SayAsync(Mode mode, bool settled = true)
    {
        _epoch++;
        foreach (var last in settled ? new[] { false, true } : [false])
        {
            foreach (var stream in new[] { _first, _second })
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

            await Eventually.True(() => _one.PageMode == (byte)mode && _two.PageMode == (byte)mode);
        }

        if (settled && mode != Mode.Normal)
        {
            await Eventually.True(async () => (await _one.StatusAsync()).GetProperty("settled").GetBoolean()
                && (await _two.StatusAsync()).GetProperty("settled").GetBoolean());
        }
    }

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
            await SavedAsync(_one, Save(key, "here"));
        }

        await DeletedAsync(_two, Delete("ended"));
        await SavedAsync(_two, Save("saved", "elsewhere, later"));
        await Cache.KillAsync();
        Assert.Equal("unreadable", await LoadAsync(_one, "ended"));
        Assert.Equal("unreadable", await LoadAsync(_one, "saved"));

        await Cache.ContinueAsync();
        await Eventually.True(async () => await LoadAsync(_one, "saved") == "elsewhere, later" && await LoadAsync(_one, "ended") == "deleted");
    }

    [Fact]
    public async Task What_a_request_saves_that_was_under_way_when_the_cache_was_lost_is_kept_but_undoes_no_logout()
    {
        await Database.SeedAsync("ended", "before");
        await Database.SeedAsync("saved", "before");
        await TwoPodsInCacheAsync();
        foreach (var key in new[] { "ended", "saved" })
        {
            await SavedAsync(_one, Save(key, "here"));
        }

        await DeletedAsync(_two, Delete("ended"));
        await SavedAsync(_two, Save("saved", "elsewhere"));
        await SavedAsync(_two, Save("saved", "elsewhere, later"));
        await Cache.KillAsync();
        // Acknowledged, and no proof for this pod: another one may have been told of a logout just before.
        await SavedAsync(_one, Save("saved", "in the end"));
        await SavedAsync(_one, Save("ended", "in the end"));
        // What changes nothing is not worth a doubt.
        Assert.Equal("refused", await _one.OutcomeAsync("/v1/save", Save("saved", "elsewhere, later", "optional")));
        Assert.Equal("unreadable", await LoadAsync(_one, "saved"));
        Assert.Equal("unreadable", await LoadAsync(_one, "ended"));
        Assert.Equal("unreadable", await LoadAsync(_two, "saved"));

        await Cache.ContinueAsync();
        await Eventually.True(async () => await LoadAsync(_one, "saved") == "in the end" && await LoadAsync(_two, "saved") == "in the end");
        Assert.Equal(("deleted", "deleted"), (await LoadAsync(_one, "ended"), await LoadAsync(_two, "ended")));
    }

    [Fact]
    public async Task A_save_without_the_cache_stands_on_what_its_request_has_loaded()
    {
        await Database.SeedAsync("a", "before");
        await TwoPodsInCacheAsync();
        await SavedAsync(_two, Save("a", "elsewhere", root: "before"));
        await SavedAsync(_two, Save("born", "elsewhere", create: true));
        Assert.Equal(("elsewhere", "elsewhere"), (await LoadAsync(_one, "a"), await LoadAsync(_one, "born")));
        await Cache.KillAsync();
        await SavedAsync(_one, Save("a", "in the end", root: "elsewhere"));
        await SavedAsync(_one, Save("born", "in the end", root: "elsewhere"));
        await Cache.ContinueAsync();
        await Eventually.True(async () => await LoadAsync(_two, "a") == "in the end" && await LoadAsync(_two, "born") == "in the end");
        await SayAsync(Mode.Drain);
        await Eventually.True(async () => await UnsavedAsync(_one) == 0 && await UnsavedAsync(_two) == 0);
        await RowsAreAsync(("a", "in the end"), ("born", "in the end"));
    }

    [Fact]
    public async Task A_session_born_since_the_cache_was_lost_is_served_and_ended_by_its_own_pod_alone()
    {
        await Database.SeedAsync("old", "before");
        await TwoPodsInCacheAsync();
        await SavedAsync(_one, Save("old", "here"));
        await Cache.KillAsync();
        await SavedAsync(_one, Save("a", "born", create: true));
        await SavedAsync(_one, Save("a", "changed"));
        await SavedAsync(_one, Save("b", "born", create: true));
        Assert.Equal(("changed", "born"), (await LoadAsync(_one, "a"), await LoadAsync(_one, "b")));
        Assert.Equal("unreadable", await LoadAsync(_two, "a"));
        await DeletedAsync(_one, Delete("b"));
        Assert.Equal("deleted", await LoadAsync(_one, "b"));
        Assert.Equal("refused", await _one.OutcomeAsync("/v1/delete", Delete("old")));
        Assert.Equal("refused", await _two.OutcomeAsync("/v1/delete", Delete("a")));

        await Cache.ContinueAsync();
        await Eventually.True(async () => await LoadAsync(_two, "a") == "changed" && await LoadAsync(_two, "b") == "deleted");
        await SavedAsync(_two, Save("a", "elsewhere"));
        // What was newest here is no more when the cache is lost again.
        await Cache.KillAsync();
        Assert.Equal("unreadable", await LoadAsync(_one, "a"));
    }

    [Fact]
    public async Task A_sidecar_that_never_heard_of_another_pod_needs_no_cache_after_a_restart_without_its_operator_either()
    {
        await Database.SeedAsync("a", "before");
        var fake = await OperatorAsync();
        _one = await SidecarAsync(fake.Address);
        _first = await fake.Streams.NextAsync();
        await _first.Say(new Decision { Epoch = 1, Mode = Mode.Cache, LeaseMs = 60_000, Settled = true, Fleet = 1, Fallback = Mode.Cache, Phase = Phase.Unwritable });
        await Eventually.True(() => _one.PageMode == (byte)Mode.Cache);
        await Database.ReadOnlyAsync();
        await Cache.KillAsync();
        await SavedAsync(_one, Save("a", "acknowledged", root: "before"));
        await fake.DisposeAsync();
        await _one.RestartAsync();
        await HelloAsync(_one);
        Assert.Equal("acknowledged", await LoadAsync(_one, "a"));
        await SavedAsync(_one, Save("a", "again"));
        await DeletedAsync(_one, Delete("a"));
        Assert.Equal("deleted", await LoadAsync(_one, "a"));
    }

    [Fact]
    public async Task A_sidecar_that_heard_of_another_pod_knows_it_after_a_restart_without_its_operator()
    {
        await Database.SeedAsync("a", "before");
        await TwoPodsInCacheAsync();
        await SavedAsync(_one, Save("a", "acknowledged"));
        await Database.ReadOnlyAsync();
        await Cache.KillAsync();
        _first.End();
        await _one.RestartAsync();
        await HelloAsync(_one);
        Assert.Equal("unreadable", await LoadAsync(_one, "a"));
        Assert.Equal("refused", await _one.OutcomeAsync("/v1/delete", Delete("a")));
    }

    [Fact]
    public async Task A_session_born_while_the_cache_was_frozen_is_made_known_to_the_others()
    {
        await TwoPodsInCacheAsync();
        Cache.Freeze();
        await SavedAsync(_one, Save("born", "while frozen", create: true));
        Cache.Thaw();
        await Eventually.True(async () => await LoadAsync(_two, "born") == "while frozen");
    }

    [Fact]
    public async Task A_logout_by_an_app_whose_sidecar_is_down_counts_in_every_pod()
    {
        await Database.SeedAsync("a", "before");
        await TwoPodsInCacheAsync();
        await SavedAsync(_one, Save("a", "in", tombstone: "tombstone.a"));
        await SavedAsync(_two, Save("born", "in", create: true, tombstone: "tombstone.born"));
        await SetEntryAsync("tombstone.a");
        await SetEntryAsync("tombstone.born");
        Assert.Equal("deleted", await LoadAsync(_two, "a"));
        Assert.Equal("deleted", await _two.OutcomeAsync("/v1/save", Save("a", "back")));
        Assert.Equal("deleted", await LoadAsync(_one, "born"));
        await SayAsync(Mode.Drain);
        await Eventually.True(async () => await UnsavedAsync(_one) == 0 && await UnsavedAsync(_two) == 0);
        await RowsAreAsync();
    }

    [Fact]
    public async Task Without_the_cache_replay_writes_what_its_row_proves_and_keeps_the_rest_for_later()
    {
        await Database.SeedAsync("mine", "before");
        await Database.SeedAsync("doubtful", "before");
        await TwoPodsInCacheAsync();
        await SavedAsync(_one, Save("mine", "here", root: "before"));
        await SavedAsync(_one, Save("doubtful", "here"));
        await SavedAsync(_one, Save("born", "here", create: true));
        await SayAsync(Mode.Drain, settled: false);
        await Cache.KillAsync();
        await Eventually.True(async () => (await Database.RowsAsync())["mine"] == "here");
        await RowsAreAsync(("doubtful", "before"), ("mine", "here"));
        Assert.Equal(2, await UnsavedAsync(_one));

        await Cache.ContinueAsync();
        await Eventually.True(async () => await UnsavedAsync(_one) == 0);
        await RowsAreAsync(("born", "here"), ("doubtful", "here"), ("mine", "here"));
    }

    [Fact]
    public async Task An_older_record_that_only_the_cache_knew_to_be_old_does_not_come_back_when_the_cache_is_emptied()
    {
        await Database.SeedAsync("a", "before");
        await TwoPodsInCacheAsync();
        await SavedAsync(_one, Save("a", "older", root: "before"));
        await SavedAsync(_two, Save("a", "newest"));
        // The first pod's replay has to wait, the second's has not: its journal forgets what the database has.
        await _first.Say(Drain(settled: false));
        await _second.Say(Drain(settled: true));
        await Eventually.True(async () => await UnsavedAsync(_two) == 0);
        await RowsAreAsync(("a", "newest"));
        await Cache.KillAsync();
        await Cache.ContinueAsync();
        await Eventually.True(async () => await LoadAsync(_two, "a") == "none" && await LoadAsync(_one, "a") == "none");
        await Eventually.True(async () => await UnsavedAsync(_one) == 0);
        await RowsAreAsync(("a", "newest"));
    }

    [Fact]
    public async Task A_save_that_waits_for_the_database_does_not_hide_what_it_stands_on()
    {
        await Database.SeedAsync("a", "before");
        await TwoPodsInCacheAsync();
        await SavedAsync(_one, Save("a", "acknowledged"));
        await Database.ReadOnlyAsync();
        await SayAsync(Mode.Drain);
        var born = _one.OutcomeAsync("/v1/save", Save("born", "in the drain", create: true));
        var changed = _one.OutcomeAsync("/v1/save", Save("a", "in the drain"));
        await Eventually.True(async () => await LoadAsync(_two, "born") == "in the drain" && await LoadAsync(_two, "a") == "in the drain");
        Assert.True(await UnsavedAsync(_one) > 0);

        // The recovery overtakes them: a new session is there before anybody hears of it, the other is the engine's to save.
        await Database.WritableAsync();
        await SayAsync(Mode.Normal);
        Assert.Equal("saved", await born);
        Assert.Contains(await changed, new[] { "saved", "normal" });
        Assert.Equal("in the drain", (await Database.RowsAsync())["born"]);
    }
}
