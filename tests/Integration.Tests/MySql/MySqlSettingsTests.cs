using System.Text.Json;
using MySqlConnector;
using SessionOperator.Sidecar.Replay;
using SessionOperator.Sidecar.Sessions;

namespace SessionOperator.Integration.Tests.MySql;

public sealed class MySqlSettingsTests
{
    [Theory]
    [InlineData("""{"read_default_file": "/etc/mysql/app.cnf"}""", "write host, user and password")]
    [InlineData("""{"ssl": {"ca": "/no/such/authority.pem"}}""", "mount it at the same path")]
    [InlineData("""{"ssl_mode": "SOMETIMES"}""", "REQUIRED")]
    public void What_cannot_be_followed_is_said_with_what_to_do(string options, string advice) =>
        Assert.Contains(advice, Assert.Throws<FormatException>(() => MySqlSettings.Of(Described(options))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("""{}""", "Preferred")]
    [InlineData("""{"charset": "utf8mb4", "ssl": {}}""", "Required")]
    [InlineData("""{"ssl_mode": "verify_identity"}""", "VerifyFull")]
    public void The_apps_options_decide_on_encryption(string options, string expected)
    {
        using var source = MySqlSettings.Of(Described(options)).Pool();
        Assert.Equal(expected, new MySqlConnectionStringBuilder(source.ConnectionString).SslMode.ToString());
    }

    [Fact]
    public void Names_are_quoted_and_a_table_in_another_database_is_two_names()
    {
        Assert.Equal("`other`.`table`", MySqlSettings.QuoteTable("other`.`table"));
        Assert.Equal("`a``b`", MySqlSettings.Quote("a`b"));
    }

    private static DatabaseDescription Described(string options) => new()
    {
        Kind = "mysql",
        Host = "db.example",
        Name = "app",
        User = "app",
        Password = "p",
        Options = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(options),
    };
}
