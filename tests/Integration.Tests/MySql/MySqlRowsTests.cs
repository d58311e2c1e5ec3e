using System.Text.Json;
using SessionOperator.Sidecar.Replay;
using SessionOperator.Sidecar.Sessions;

namespace SessionOperator.Integration.Tests.MySql;

public sealed class MySqlRowsTests(MariaDbServer server) : IClassFixture<MariaDbServer>
{
    private const string Early = "2030-01-01 00:00:00.000001";
    private const string Late = "2030-01-01 00:00:00.000002";
    private const string Latest = "2030-01-01 00:00:00.000003";

    [Theory]
    [InlineData("Data", "data")]
    [InlineData("data ", "data")]
    [InlineData("e\u0301", "\u00e9")]
    public async Task Compare_and_swap_compares_bytes_not_by_collation(string held, string read)
    {
        await using var rows = await RowsAsync("rows_cas");
        await InsertAsync(rows, "k1", held);

        await ExpectAsync(rows, [false], Write("k1", "new", read));
        Assert.Equal(held, await DataAsync("rows_cas", "k1"));
        await ExpectAsync(rows, [true], Write("k1", "new", held));
        Assert.Equal("new", await DataAsync("rows_cas", "k1"));
    }

    [Fact]
    public async Task An_update_to_equal_values_has_found_its_row()
    {
        await using var rows = await RowsAsync("rows_equal");
        await InsertAsync(rows, "k1", "same");

        await ExpectAsync(rows, [true], Write("k1", "same", "same"));
    }

    [Fact]
    public async Task An_insert_leaves_a_row_that_is_there_alone_and_says_so()
    {
        await using var rows = await RowsAsync("rows_insert");
        await InsertAsync(rows, "k1", "first");

        await ExpectAsync(rows, [false, true], Insert("k1", "second"), Insert("k2", "other"));
        Assert.Equal("first", await DataAsync("rows_insert", "k1"));
        Assert.Equal("other", await DataAsync("rows_insert", "k2"));
    }

    [Theory]
    [InlineData("note", "longer than four")]
    [InlineData("mark", "taken")]
    [InlineData("expire_date", "not a date")]
    public async Task Values_the_table_refuses_are_an_error_and_nothing_of_the_batch_is_written(string column, string value)
    {
        await using var rows = await RowsAsync("rows_refused", ", note varchar(4) NULL, mark varchar(10) NULL UNIQUE");
        await server.RootAsync($"INSERT INTO app.rows_refused VALUES ('k0', 'd', '{Early}', NULL, 'taken')");
        var refused = Insert("k2", "data");
        refused.Record.Columns![column] = Json(value);

        var e = await Assert.ThrowsAsync<RowStoreException>(() => ApplyAsync(rows, Insert("k1", "data"), refused));

        Assert.False(e.Unavailable, e.Message);
        Assert.Equal(1L, await server.RootAsync("SELECT COUNT(*) FROM app.rows_refused"));
    }

    [Fact]
    public async Task Only_a_later_expiry_is_moved_to()
    {
        await using var rows = await RowsAsync("rows_expiry");
        await InsertAsync(rows, "k1", "data");

        await ExpectAsync(rows, [true], MoveExpiry("k1", Late));
        await ExpectAsync(rows, [false], MoveExpiry("k1", Early));
        await ExpectAsync(rows, [false], MoveExpiry("k1", Latest, read: "of before another pod's change"));
        Assert.Equal(1L, await server.RootAsync($"SELECT COUNT(*) FROM app.rows_expiry WHERE expire_date = '{Late}' AND session_data = 'data'"));
    }

    [Fact]
    public async Task Deleting_deletes_what_is_named_and_no_more()
    {
        await using var rows = await RowsAsync("rows_delete");
        await ApplyAsync(rows, Insert("k1", "1"), Insert("k2", "2"), Insert("k3", "3"));

        await rows.DeleteAsync(["k1", "k3", "absent"], CancellationToken.None);

        Assert.Equal(new Dictionary<string, string> { ["k2"] = "2" }, await rows.ReadAsync(["k1", "k2", "k3"], CancellationToken.None));
    }

    [Fact]
    public async Task A_batch_larger_than_a_packet_says_for_each_row_what_became_of_it()
    {
        await using var rows = await RowsAsync("rows_batch");
        var large = new string('x', 300_000);
        var first = Enumerable.Range(0, 480).Select(i => Insert($"k{i}", i % 20 == 0 ? large : $"data {i}")).ToArray();
        Assert.All(await ApplyAsync(rows, first), Assert.True);

        var second = Enumerable.Range(0, 480).Reverse().Select(i => Write($"k{i}", $"new {i}", i % 20 == 0 ? large : i % 3 == 0 ? "other" : $"data {i}"));
        var changed = await ApplyAsync(rows, [.. second]);

        var expected = Enumerable.Range(0, 480).Reverse().Select(i => i % 20 == 0 || i % 3 != 0).ToArray();
        Assert.Equal(expected, changed);
        Assert.Equal((long)expected.Count(c => c), await server.RootAsync("SELECT COUNT(*) FROM app.rows_batch WHERE session_data LIKE 'new %'"));
    }

    [Fact]
    public async Task Values_keep_their_bytes_whatever_the_servers_modes_and_the_columns_character_set()
    {
        const string Awkward = """quote ' back\slash \' " -- ; % é 😀""";
        await server.RootAsync("SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'");
        try
        {
            await using var rows = await RowsAsync("rows_modes", ", `a``b` varbinary(9) NULL, flag tinyint(1) NOT NULL DEFAULT 0, old varchar(20) CHARACTER SET latin1 NULL");
            var insert = Insert("k1", Awkward);
            insert.Record.Columns!["a`b"] = Json(new { base64 = Convert.ToBase64String([0, 39, 92, 255]) });
            insert.Record.Columns["flag"] = Json(true);
            insert.Record.Columns["old"] = Json("é");
            await ExpectAsync(rows, [true], insert);

            Assert.Equal(Awkward, (await rows.ReadAsync(["k1"], CancellationToken.None))["k1"]);
            Assert.Equal("00275CFF 1 E9", await server.RootAsync("SELECT CONCAT_WS(' ', HEX(`a``b`), flag, HEX(old)) FROM app.rows_modes"));
            await ExpectAsync(rows, [true], Write("k1", "x", Awkward));
        }
        finally
        {
            await server.RootAsync("SET GLOBAL sql_mode = DEFAULT");
        }
    }

    [Fact]
    public async Task Data_in_another_character_set_is_compared_as_what_it_means()
    {
        await using var rows = await RowsAsync("rows_latin");
        await server.RootAsync("ALTER TABLE app.rows_latin MODIFY session_data longtext CHARACTER SET latin1 NOT NULL");
        await InsertAsync(rows, "k1", "é");

        Assert.Equal("é", (await rows.ReadAsync(["k1"], CancellationToken.None))["k1"]);
        await ExpectAsync(rows, [false, true], Write("k1", "x", "É"), Write("k1", "y", "é"));
    }

    [Fact]
    public async Task A_deferred_row_update_wins_over_an_older_value_only()
    {
        await using var rows = await RowsAsync("rows_user");
        await server.RootAsync("DROP TABLE IF EXISTS app.auth_user; CREATE TABLE app.auth_user (id int PRIMARY KEY, last_login datetime(6) NULL); "
            + $"INSERT INTO app.auth_user VALUES (1, NULL), (2, '{Early}'), (3, '{Late}')");
        foreach (var id in (int[])[1, 2, 3])
        {
            await rows.UpdateAsync(new RowUpdate
            {
                Table = "auth_user",
                KeyColumn = "id",
                Key = Json(id),
                Columns = new() { ["last_login"] = Json(id == 3 ? Early : Late) },
            }, CancellationToken.None);
        }

        Assert.Equal(3L, await server.RootAsync($"SELECT COUNT(*) FROM app.auth_user WHERE last_login = '{Late}'"));
    }

    [Fact]
    public async Task A_locked_row_or_a_read_only_server_is_a_database_to_try_again()
    {
        await using var rows = await RowsAsync("rows_busy");
        await InsertAsync(rows, "k1", "data");
        await using (await server.HoldAsync("START TRANSACTION; SELECT * FROM rows_busy FOR UPDATE"))
        {
            Assert.True((await Assert.ThrowsAsync<RowStoreException>(() => ApplyAsync(rows, Write("k1", "new", "data")))).Unavailable);
        }

        await server.RootAsync("SET GLOBAL read_only = 1");
        try
        {
            Assert.True((await Assert.ThrowsAsync<RowStoreException>(() => rows.DeleteAsync(["k1"], CancellationToken.None))).Unavailable);
        }
        finally
        {
            await server.RootAsync("SET GLOBAL read_only = 0");
        }

        await ExpectAsync(rows, [true], Write("k1", "new", "data"));
    }

    private static JsonElement Json(object value) => JsonSerializer.SerializeToElement(value);

    private static RowChange Change(string key, RowAction action, string data, string? read, string expiry = Early) => new(
        new SessionRecord { Key = key, Version = 1, Columns = new() { ["session_data"] = Json(data), ["expire_date"] = Json(expiry) } }, action, read);

    private static RowChange Insert(string key, string data) => Change(key, RowAction.Insert, data, null);

    private static RowChange Write(string key, string data, string read) => Change(key, RowAction.Write, data, read);

    private static RowChange MoveExpiry(string key, string expiry, string read = "data") =>
        Change(key, RowAction.MoveExpiry, "unused", read, expiry);

    private static Task<bool[]> ApplyAsync(MySqlRows rows, params RowChange[] changes) => rows.ApplyAsync(changes, CancellationToken.None);

    private static async Task ExpectAsync(MySqlRows rows, bool[] expected, params RowChange[] changes) =>
        Assert.Equal(expected, await ApplyAsync(rows, changes));

    private static Task InsertAsync(MySqlRows rows, string key, string data) => ExpectAsync(rows, [true], Insert(key, data));

    private async Task<string?> DataAsync(string table, string key) =>
        (string?)await server.RootAsync($"SELECT session_data FROM app.{table} WHERE session_key = '{key}'");

    private async Task<MySqlRows> RowsAsync(string table, string moreColumns = "") =>
        new(MySqlSettings.Of(server.Describe()), await server.TableAsync(table, moreColumns));
}
