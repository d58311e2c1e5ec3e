using SessionOperator.Integration.Tests.Servers;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Integration.Tests.Outage;

/// <summary>A pod is deleted in the outage, and its volume with it: operator and sidecars are processes, the database is stopped.</summary>
public sealed class HandoverTests(SharedPostgres postgres) : OutageTest(postgres)
{
    [Fact]
    public async Task What_a_deleted_pod_had_acknowledged_is_in_the_database_afterwards()
    {
        await using var server = await PostgresServer.StartAsync();
        var database = await AppDatabase.CreateAsync(server);
        foreach (var key in (string[])["changed", "loggedout", "elsewhere"])
        {
            await database.SeedAsync(key, "before");
        }

        await database.ExecuteAsync("INSERT INTO auth_user (id, last_login) VALUES (5, NULL)");
        await using var fleet = await OperatorProcess.StartAsync();
        var gone = new TempDirectory();
        using var stays = new TempDirectory();
        using var a = new SidecarProcess(gone.Path);
        using var b = new SidecarProcess(stays.Path);
        try
        {
            await a.StartAsync(fleet.Address, "a", grace: 60);
            await b.StartAsync(fleet.Address, "b", grace: 0);
            var app = database.App(Cache.Address);
            await a.OkAsync("/v1/hello", app);
            await b.OkAsync("/v1/hello", app);
            await NormalAsync(a, b);
            await server.StopAsync();
            await a.OkAsync("/v1/report", new { verdict = "unreachable", detail = "OperationalError", retried = true });
            await SettledAsync(a);
            await SettledAsync(b);

            await SavedAsync(a, Save("changed", "in a"));
            await SavedAsync(a, Save("born", "in a", create: true));
            await SavedAsync(a, Save("loggedout", "still in"));
            await DeletedAsync(a, Delete("loggedout"));
            await SavedAsync(a, Save("elsewhere", "in a"));
            await SavedAsync(b, Save("elsewhere", "in b, later"));
            await a.OkAsync("/v1/row", Login(5, "2026-01-02T03:04:05Z"));

            a.HangUp();
            await a.TerminateAsync();
            gone.Dispose();
            // The journals are what counts: the cache forgets everything as well.
            await Cache.KillAsync();
            await Cache.ContinueAsync();
            Assert.Equal("deleted", await LoadAsync(b, "loggedout"));

            await server.ContinueAsync();
            await NormalAsync(b);
            Assert.Equal(["born=in a", "changed=in a", "elsewhere=in b, later"],
                (await database.RowsAsync()).OrderBy(r => r.Key, StringComparer.Ordinal).Select(r => $"{r.Key}={r.Value}"));
            Assert.Equal(new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc),
                (await database.QueryAsync("SELECT last_login FROM auth_user WHERE id = 5")).Single()[0]);
        }
        finally
        {
            a.End();
            b.End();
        }
    }

    private static Task SettledAsync(SidecarClient sidecar) => Eventually.True(async () =>
    {
        var status = await sidecar.StatusAsync();
        return status.GetProperty("mode").GetString() == "Cache" && status.GetProperty("settled").GetBoolean();
    }, 30, "every pod is in fallback");
}
