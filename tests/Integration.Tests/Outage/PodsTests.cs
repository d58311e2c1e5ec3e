using SessionOperator.Integration.Tests.Servers;
using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Integration.Tests.Outage;

/// <summary>More than one pod of one app, with and without an operator.</summary>
public sealed class PodsTests(SharedPostgres postgres) : OutageTest(postgres)
{
    private ulong _epoch;

    private Decision Says(Mode mode, bool settled, uint fleet = 2, ulong? lastNormal = null)
    {
        _epoch += settled ? 0UL : 1;
        return new Decision
        {
            Epoch = _epoch,
            Mode = mode,
            LeaseMs = 60_000,
            Settled = settled,
            Fleet = fleet,
            Fallback = Mode.Cache,
            LastNormalEpoch = lastNormal ?? 1,
            Phase = mode == Mode.Drain ? Phase.Recovering : Phase.Unwritable,
        };
    }

    private static Task ShowsAsync(SidecarClient sidecar, Mode mode) => Eventually.True(() => sidecar.PageMode == (byte)mode);

    [Fact]
    public async Task Of_two_pods_that_write_one_session_in_turn_the_last_acknowledged_state_wins()
    {
        await Database.SeedAsync("a", "before");
        await Database.SeedAsync("loggedout", "before");
        var one = await SidecarAsync();
        var two = await SidecarAsync();
        await OutageAsync(one, two);
        for (var i = 0; i < 5; i++)
        {
            await SavedAsync(one, Save("a", $"one {i}"));
            Assert.Equal($"one {i}", await LoadAsync(two, "a"));
            await SavedAsync(two, Save("a", $"two {i}"));
            Assert.Equal($"two {i}", await LoadAsync(one, "a"));
        }

        await SavedAsync(one, Save("loggedout", "still in"));
        await SavedAsync(two, Save("loggedout", "still in, elsewhere"));
        await DeletedAsync(two, Delete("loggedout"));
        Assert.Equal("deleted", await LoadAsync(one, "loggedout"));
        Assert.Equal("deleted", await one.OutcomeAsync("/v1/save", Save("loggedout", "back")));
        Assert.Equal("exists", await one.OutcomeAsync("/v1/save", Save("a", "x", create: true)));
        await RecoveryAsync(one, two);
        await RowsAreAsync(("a", "two 4"));
    }

    [Fact]
    public async Task Writers_in_two_pods_at_once_agree_on_one_order()
    {
        await Database.SeedAsync("a", "before");
        var one = await SidecarAsync();
        var two = await SidecarAsync();
        await OutageAsync(one, two);
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(async i =>
            (Data: $"w{i}", Version: (await (i % 2 == 0 ? one : two).OkAsync("/v1/save", Save("a", $"w{i}"))).GetProperty("version").GetInt32())));
        Assert.Equal(Enumerable.Range(1, 20), answers.Select(a => a.Version).Order());
        await RecoveryAsync(one, two);
        await RowsAreAsync(("a", answers.MaxBy(a => a.Version).Data));
    }

    [Fact]
    public async Task In_drain_a_save_is_in_the_database_before_it_is_acknowledged()
    {
        await Database.SeedAsync("a", "before");
        await Database.SeedAsync("loggedout", "before");
        var fake = await OperatorAsync();
        var sidecar = await SidecarAsync(fake.Address);
        var stream = await fake.Streams.NextAsync();
        await stream.Say(Says(Mode.Cache, settled: false));
        await ShowsAsync(sidecar, Mode.Cache);
        await SavedAsync(sidecar, Save("a", "in the outage"));
        await stream.Say(Says(Mode.Drain, settled: false));
        await ShowsAsync(sidecar, Mode.Drain);
        await stream.Say(Says(Mode.Drain, settled: true));
        await Eventually.True(async () => (await Database.RowsAsync())["a"] == "in the outage");

        await SavedAsync(sidecar, Save("a", "in the drain"));
        await RowsAreAsync(("a", "in the drain"), ("loggedout", "before"));
        await SavedAsync(sidecar, Save("born", "in the drain", create: true));
        await RowsAreAsync(("a", "in the drain"), ("born", "in the drain"), ("loggedout", "before"));
        await DeletedAsync(sidecar, Delete("loggedout"));
        await RowsAreAsync(("a", "in the drain"), ("born", "in the drain"));
        Assert.Equal(0, (await sidecar.StatusAsync()).GetProperty("unsaved").GetInt32());
    }

    [Fact]
    public async Task A_logout_is_refused_while_another_pod_may_not_know_of_the_outage()
    {
        await Database.SeedAsync("a", "before");
        var fake = await OperatorAsync();
        var sidecar = await SidecarAsync(fake.Address);
        var stream = await fake.Streams.NextAsync();
        await Database.ReadOnlyAsync();
        await stream.Say(Says(Mode.Cache, settled: false));
        await ShowsAsync(sidecar, Mode.Cache);
        Assert.Equal("refused", await sidecar.OutcomeAsync("/v1/delete", Delete("a")));
        Assert.Equal("none", await LoadAsync(sidecar, "a"));
        await SavedAsync(sidecar, Save("a", "still in"));

        // Settled while a logout waits: it is acknowledged then.
        var waiting = sidecar.OutcomeAsync("/v1/delete", Delete("a"));
        await stream.Say(Says(Mode.Cache, settled: true));
        Assert.Equal("deleted", await waiting);
        Assert.Equal("deleted", await LoadAsync(sidecar, "a"));
    }

    [Fact]
    public async Task An_unsettled_logout_is_acknowledged_when_the_row_itself_could_be_deleted()
    {
        await Database.SeedAsync("a", "before");
        var fake = await OperatorAsync();
        var sidecar = await SidecarAsync(fake.Address);
        var stream = await fake.Streams.NextAsync();
        await stream.Say(Says(Mode.Cache, settled: false));
        await ShowsAsync(sidecar, Mode.Cache);
        await DeletedAsync(sidecar, Delete("a"));
        await RowsAreAsync();
    }

    [Fact]
    public async Task A_logout_is_refused_when_the_other_pods_could_not_see_it()
    {
        await Database.SeedAsync("a", "before");
        var fake = await OperatorAsync();
        var sidecar = await SidecarAsync(fake.Address);
        var stream = await fake.Streams.NextAsync();
        await stream.Say(Says(Mode.Cache, settled: false));
        await stream.Say(Says(Mode.Cache, settled: true));
        await Eventually.True(async () => (await sidecar.StatusAsync()).GetProperty("settled").GetBoolean());
        await Cache.KillAsync();
        Assert.Equal("refused", await sidecar.OutcomeAsync("/v1/delete", Delete("a")));
        Assert.Equal("unreadable", await LoadAsync(sidecar, "a"));
    }

    [Fact]
    public async Task Past_the_fence_a_record_is_replayed_onto_its_own_lineage_only()
    {
        await Database.SeedAsync("mine", "before");
        await Database.SeedAsync("theirs", "before");
        var fake = await OperatorAsync();
        var sidecar = await SidecarAsync(fake.Address);
        var stream = await fake.Streams.NextAsync();
        await stream.Say(Says(Mode.Cache, settled: false));
        await ShowsAsync(sidecar, Mode.Cache);
        await SavedAsync(sidecar, Save("mine", "saved here", root: "before"));
        await SavedAsync(sidecar, Save("theirs", "saved here", root: "before"));
        foreach (var key in new[] { "alive", "ended" })
        {
            await SavedAsync(sidecar, Save("born" + key, "saved here", create: true, entry: "engine." + key));
            await SetEntryAsync("engine." + key);
        }

        await Database.ExecuteAsync("UPDATE django_session SET session_data = 'later' WHERE session_key = 'theirs'");
        await Entries.DeleteEverywhereAsync("engine.ended", CancellationToken.None);
        // Another pod has been in Normal since.
        _epoch += 5;
        await stream.Say(Says(Mode.Drain, settled: false, lastNormal: _epoch));
        await stream.Say(Says(Mode.Drain, settled: true, lastNormal: _epoch));
        await Eventually.True(async () => (await sidecar.StatusAsync()).GetProperty("unsaved").GetInt32() == 0);
        await RowsAreAsync(("bornalive", "saved here"), ("mine", "saved here"), ("theirs", "later"));
    }

    [Fact]
    public async Task Behind_the_fence_the_record_is_the_newest_whatever_the_row_holds()
    {
        await Database.SeedAsync("a", "before");
        var fake = await OperatorAsync();
        var sidecar = await SidecarAsync(fake.Address);
        var stream = await fake.Streams.NextAsync();
        await stream.Say(Says(Mode.Cache, settled: false));
        await ShowsAsync(sidecar, Mode.Cache);
        await SavedAsync(sidecar, Save("a", "saved here"));
        await SavedAsync(sidecar, Save("born", "saved here", create: true));
        await stream.Say(Says(Mode.Drain, settled: false));
        await stream.Say(Says(Mode.Drain, settled: true));
        await Eventually.True(async () => (await sidecar.StatusAsync()).GetProperty("unsaved").GetInt32() == 0);
        await RowsAreAsync(("a", "saved here"), ("born", "saved here"));
    }

    [Fact]
    public async Task A_save_that_the_recovery_overtakes_does_not_overwrite_what_the_engine_wrote_since()
    {
        await Database.SeedAsync("mine", "before");
        await Database.SeedAsync("theirs", "before");
        var fake = await OperatorAsync();
        var sidecar = await SidecarAsync(fake.Address);
        var stream = await fake.Streams.NextAsync();
        // A save that arrives after the recovery leaves nothing behind, one that is over before it is acknowledged: neither is meant.
        string[] answers;
        var rounds = 0;
        do
        {
            await Database.ExecuteAsync("UPDATE django_session SET session_data = 'before'");
            await stream.Say(Says(Mode.Cache, settled: false, fleet: 1));
            await ShowsAsync(sidecar, Mode.Cache);
            Cache.Freeze();
            var saves = Task.WhenAll(
                sidecar.OutcomeAsync("/v1/save", Save("mine", "saved late", root: "before")),
                sidecar.OutcomeAsync("/v1/save", Save("theirs", "saved late", root: "before")));
            await sidecar.StatusAsync();
            await stream.Say(Says(Mode.Normal, settled: false, fleet: 1));
            await ShowsAsync(sidecar, Mode.Normal);
            await Database.ExecuteAsync("UPDATE django_session SET session_data = 'later' WHERE session_key = 'theirs'");
            answers = await saves;
            Cache.Thaw();
            await Eventually.True(async () => (await sidecar.StatusAsync()).GetProperty("unsaved").GetInt32() == 0);
        }
        while (++rounds < 20 && (answers is not ["normal", "normal"] || (await Database.RowsAsync())["mine"] == "before"));

        // Not acknowledged: the engine is asked to save it, since other pods look at the row alone now.
        Assert.Equal(["normal", "normal"], answers);
        await RowsAreAsync(("mine", "saved late"), ("theirs", "later"));
    }

    [Fact]
    public async Task Replay_waits_for_the_journals_of_all_pods()
    {
        await Database.SeedAsync("a", "before");
        var fake = await OperatorAsync();
        var one = await SidecarAsync(fake.Address);
        var first = await fake.Streams.NextAsync();
        var two = await SidecarAsync(fake.Address);
        var second = await fake.Streams.NextAsync();
        await first.Say(Says(Mode.Cache, settled: false));
        _epoch--;
        await second.Say(Says(Mode.Cache, settled: false));
        await ShowsAsync(one, Mode.Cache);
        await ShowsAsync(two, Mode.Cache);
        await SavedAsync(one, Save("a", "older"));
        await SavedAsync(two, Save("a", "newest"));
        // The cache forgets which is the newest; only the journals know.
        await Cache.KillAsync();
        await Cache.ContinueAsync();
        await first.Say(Says(Mode.Drain, settled: false));
        _epoch--;
        await second.Say(Says(Mode.Drain, settled: false));
        await Eventually.True(() => first.Acks.Contains(_epoch) && second.Acks.Contains(_epoch));
        await RowsAreAsync(("a", "before"));
        await second.Say(Says(Mode.Drain, settled: true));
        await Eventually.True(async () => (await two.StatusAsync()).GetProperty("unsaved").GetInt32() == 0);
        await first.Say(Says(Mode.Drain, settled: true));
        await Eventually.True(async () => (await one.StatusAsync()).GetProperty("unsaved").GetInt32() == 0);
        await RowsAreAsync(("a", "newest"));
    }
}
