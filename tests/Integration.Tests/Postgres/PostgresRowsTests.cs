using SessionOperator.Integration.Tests.Servers;
using SessionOperator.Sidecar.Replay;
using SessionOperator.Sidecar.Sessions;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Integration.Tests.Postgres;

/// <summary>What replay does to rows of a real PostgreSQL.</summary>
public sealed class PostgresRowsTests(SharedPostgres postgres) : IAsyncLifetime
{
    private static readonly CancellationToken Never = CancellationToken.None;

    private AppDatabase _database = null!;
    private PostgresRows _rows = null!;

    public async ValueTask InitializeAsync()
    {
        _database = await AppDatabase.CreateAsync(postgres.Server);
        _rows = Rows("django_session");
    }

    public ValueTask DisposeAsync() => _rows.DisposeAsync();

    private PostgresRows Rows(string table, string data = Make.Data) => new(_database.Description(),
        new StoreDescription { Table = table, KeyColumn = "session_key", DataColumn = data, ExpiryColumn = Make.Expiry });

    private static RowChange Change(RowAction action, string key, string data, string? read = null) =>
        new(Make.Record(key, data: data), action, read);

    private async Task<string> ContentAsync() =>
        string.Join(' ', (await _database.RowsAsync()).OrderBy(r => r.Key).Select(r => $"{r.Key}={r.Value}"));

    [Fact]
    public async Task A_row_that_moved_since_it_was_read_is_left_alone()
    {
        await _database.SeedAsync("a", "later");
        await _database.SeedAsync("b", "as read");
        var changed = await _rows.ApplyAsync(
            [Change(RowAction.Write, "a", "ours", "as read"), Change(RowAction.Write, "b", "ours", "as read"), Change(RowAction.Write, "gone", "ours", "as read")], Never);
        Assert.Equal([false, true, false], changed);
        Assert.Equal("a=later b=ours", await ContentAsync());
    }

    [Fact]
    public async Task An_expiry_is_moved_of_the_row_that_was_read_and_not_of_one_that_has_its_own_since()
    {
        await _database.SeedAsync("a", "later");
        await _database.SeedAsync("b", "as read");
        await _database.ExecuteAsync("UPDATE django_session SET expire_date = now()");
        var changed = await _rows.ApplyAsync(
            [Change(RowAction.MoveExpiry, "a", "as read", "as read"), Change(RowAction.MoveExpiry, "b", "as read", "as read")], Never);
        Assert.Equal([false, true], changed);
        Assert.False((await _rows.ApplyAsync([Change(RowAction.MoveExpiry, "b", "as read", "as read")], Never)).Single());
    }

    [Fact]
    public async Task An_insert_never_replaces_a_row()
    {
        await _database.SeedAsync("a", "theirs");
        var changed = await _rows.ApplyAsync([Change(RowAction.Insert, "a", "ours"), Change(RowAction.Insert, "b", "ours")], Never);
        Assert.Equal([false, true], changed);
        Assert.Equal("a=theirs b=ours", await ContentAsync());
    }

    [Fact]
    public async Task A_batch_is_applied_as_a_whole_or_not_at_all()
    {
        await _database.SeedAsync("a", "before");
        var refused = Change(RowAction.Insert, new string('k', 41), "longer than the column");
        var error = await Assert.ThrowsAsync<RowStoreException>(() => _rows.ApplyAsync([Change(RowAction.Write, "a", "ours", "before"), refused], Never));
        Assert.False(error.Unavailable);
        Assert.Equal("a=before", await ContentAsync());
    }

    [Fact]
    public async Task What_is_refused_because_nobody_may_write_is_no_matter_of_the_values()
    {
        await _database.SeedAsync("a", "before");
        await _database.ReadOnlyAsync();
        Assert.True((await Assert.ThrowsAsync<RowStoreException>(() => _rows.ApplyAsync([Change(RowAction.Write, "a", "x", "before")], Never))).Unavailable);
        Assert.True((await Assert.ThrowsAsync<RowStoreException>(() => _rows.DeleteAsync(["a"], Never))).Unavailable);
        Assert.Equal("before", (await _rows.ReadAsync(["a", "gone"], Never)).Single().Value);
    }

    [Fact]
    public async Task Names_are_names_and_values_are_values_whatever_they_hold()
    {
        await _database.ExecuteAsync("""
            SET ROLE app;
            CREATE SCHEMA "my shop";
            CREATE TABLE "my shop"."ses""sion" (session_key text PRIMARY KEY, "da ta" text, expire_date timestamptz);
            """);
        // As Django writes a table of another schema.
        await using var rows = Rows("""my shop"."ses"sion""", "da ta");
        var record = Make.Record("a") with { Columns = new() { ["da ta"] = Make.Json("'; DROP TABLE auth_user; --"), [Make.Expiry] = Make.Json(Make.Later) } };
        await rows.ApplyAsync([new RowChange(record, RowAction.Insert, null)], Never);
        Assert.Equal("'; DROP TABLE auth_user; --", (await rows.ReadAsync(["a"], Never))["a"]);
        await rows.DeleteAsync(["a' OR true --"], Never);
        Assert.Single(await rows.ReadAsync(["a"], Never));
        Assert.Empty(await _database.QueryAsync("SELECT 1 FROM auth_user"));
    }
}
