using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using SessionOperator.Integration.Tests.Servers;
using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Probing;
using SessionOperator.Sidecar.Replay;
using SessionOperator.Sidecar.Sessions;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Integration.Tests.Postgres;

/// <summary>The sidecar reaches the table the app reaches, or says why it cannot.</summary>
public sealed class PostgresConnectionTests(SharedPostgres postgres) : IAsyncLifetime
{
    private AppDatabase _database = null!;

    public async ValueTask InitializeAsync() => _database = await AppDatabase.CreateAsync(postgres.Server);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Theory]
    [InlineData("""{"service": "shop"}""", "write host, user and password")]
    [InlineData("""{"passfile": ".pgpass"}""", "write host, user and password")]
    [InlineData("""{"sslmode": "sometimes"}""", "verify-full")]
    [InlineData("""{"sslmode": "verify-full", "sslrootcert": "/no/such/authority.pem"}""", "mount it at the same path")]
    public void What_cannot_be_followed_is_said_with_what_to_do(string options, string advice) =>
        Assert.Contains(advice, Assert.Throws<FormatException>(() => PostgresConnection.String(Described(options), true)).Message, StringComparison.Ordinal);

    [Fact]
    public async Task A_session_is_begun_on_the_first_connection_to_the_server()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        await using var source = PostgresConnection.Source(PostgresConnection.String(Described("{}") with { Host = "127.0.0.1", Port = port }, pooling: false));
        var opening = source.OpenConnectionAsync(TestContext.Current.CancellationToken).AsTask();
        using (var server = await listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken))
        {
            var request = new byte[8];
            var heard = await server.GetStream().ReadAtLeastAsync(request, request.Length, throwOnEndOfStream: false, TestContext.Current.CancellationToken);
            Assert.Equal("0000000804D2162F", Convert.ToHexString(request.AsSpan(0, heard))); // may it be encrypted?
        }

        listener.Stop();
        await Assert.ThrowsAnyAsync<Exception>(() => opening);
    }

    [Fact]
    public async Task A_table_found_by_the_apps_search_path_is_the_one_written_to()
    {
        await _database.ExecuteAsync("""
            CREATE SCHEMA shop AUTHORIZATION app;
            SET ROLE app;
            CREATE TABLE shop.django_session (LIKE public.django_session INCLUDING ALL);
            """);
        await _database.SeedAsync("a", "of another app");
        await _database.ExecuteAsync("INSERT INTO shop.django_session SELECT session_key, 'read', expire_date FROM django_session");
        await WritesAsync("""{"options": "-c search_path=shop"}""");
        Assert.Equal("of another app", (await _database.RowsAsync())["a"]);
        Assert.Equal("ours", (await _database.QueryAsync("SELECT session_data FROM shop.django_session")).Single()[0]);
    }

    [Fact]
    public async Task The_apps_role_is_taken_on_every_connection()
    {
        var (team, member) = ($"web team of {_database.Name}", $"member of {_database.Name}");
        await _database.SeedAsync("a", "read");
        await _database.ExecuteAsync($"""
            CREATE ROLE "{team}" NOLOGIN;
            CREATE ROLE "{member}" LOGIN PASSWORD '{PostgresServer.Password}' NOINHERIT IN ROLE "{team}";
            ALTER TABLE django_session OWNER TO "{team}";
            """);
        await WritesAsync(JsonSerializer.Serialize(new { assume_role = team }), user: member);
        Assert.Equal("ours", (await _database.RowsAsync())["a"]);
    }

    [Fact]
    public async Task Of_several_hosts_the_one_that_answers_is_taken()
    {
        await _database.SeedAsync("a", "read");
        var nobody = ServerProcess.FreePort();
        await WritesAsync("""{"target_session_attrs": "read-write"}""", $"127.0.0.1:{nobody},127.0.0.1:{postgres.Server.Port}");
        Assert.Equal("ours", (await _database.RowsAsync())["a"]);
    }

    /// <summary>A probe, then two writes, of which the second goes over a connection that was used before.</summary>
    private async Task WritesAsync(string options, string? hosts = null, string user = "app")
    {
        var described = Described(options) with { User = user };
        described = hosts is null ? described : described with { Host = hosts, Port = null };
        var store = new StoreDescription
        {
            Table = "django_session",
            KeyColumn = "session_key",
            DataColumn = Make.Data,
            ExpiryColumn = Make.Expiry,
            Sentinel = new() { [Make.Data] = Make.Json(""), [Make.Expiry] = JsonSerializer.SerializeToElement("1971-01-01T00:00:00Z") },
        };
        await using var probe = new PostgresProbe(described, store);
        for (var time = 0; time < 3; time++)
        {
            Assert.Equal(Evidence.Types.Verdict.Writable, (await probe.ProbeAsync(true, CancellationToken.None)).Verdict);
        }

        await using var rows = new PostgresRows(described, store);
        var first = await rows.ApplyAsync([new RowChange(Make.Record("a", data: "between"), RowAction.Write, "read")], CancellationToken.None);
        var second = await rows.ApplyAsync([new RowChange(Make.Record("a", data: "ours"), RowAction.Write, "between")], CancellationToken.None);
        Assert.Equal((true, true), (first.Single(), second.Single()));
    }

    private DatabaseDescription Described(string options) =>
        _database.Description() with { Options = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(options) };
}
