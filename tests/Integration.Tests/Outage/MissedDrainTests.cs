using SessionOperator.Integration.Tests.Servers;
using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Integration.Tests.Outage;

/// <summary>The others are in Normal, and a pod has not brought everything to the database yet.</summary>
public sealed class MissedDrainTests(SharedPostgres postgres) : TwoPodsTest(postgres)
{
    private async Task BornAsync()
    {
        foreach (var key in new[] { "alive", "ended" })
        {
            await SavedAsync(One, Save(key, "born in the outage", create: true, entry: "engine." + key));
            await SetEntryAsync("engine." + key);
        }
    }

    private async Task OnlyTheLivingOneHasARowAsync()
    {
        await Eventually.True(async () => (await One.StatusAsync()).GetProperty("unsaved").GetInt32() == 0);
        await Eventually.True(() => One.PageMode == (byte)Mode.Normal);
        await RowsAreAsync(("alive", "born in the outage"));
    }

    [Fact]
    public async Task A_pod_that_hears_of_no_drain_brings_its_changes_to_the_database_before_it_is_in_Normal()
    {
        await Database.SeedAsync("changed", "before");
        await TwoPodsInCacheAsync();
        await SavedAsync(One, Save("changed", "in the outage", root: "before"));
        await BornAsync();
        // A pod in Normal ends a session by what its engine has.
        await Entries.DeleteEverywhereAsync("engine.ended", CancellationToken.None);
        await using var held = await LockedAsync();
        await SayAsync(Mode.Normal, settled: true, shows: Mode.Drain);
        await held.DisposeAsync();
        await Eventually.True(() => One.PageMode == (byte)Mode.Normal && Two.PageMode == (byte)Mode.Normal);
        await RowsAreAsync(("alive", "born in the outage"), ("changed", "in the outage"));
    }

    [Fact]
    public async Task A_session_born_in_the_outage_is_inserted_after_a_drain_that_ended_without_it()
    {
        await TwoPodsInCacheAsync();
        await BornAsync();
        await using var held = await LockedAsync();
        await SayAsync(Mode.Drain);
        await SayAsync(Mode.Normal);
        await Entries.DeleteEverywhereAsync("engine.ended", CancellationToken.None);
        await held.DisposeAsync();
        await OnlyTheLivingOneHasARowAsync();
    }

    /// <summary>Nobody writes the session table before the end of this.</summary>
    private async Task<Npgsql.NpgsqlConnection> LockedAsync()
    {
        var connection = new Npgsql.NpgsqlConnection(Database.Server.Admin(Database.Name));
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = new Npgsql.NpgsqlCommand("BEGIN; LOCK TABLE django_session IN EXCLUSIVE MODE", connection);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        return connection;
    }
}
