using SessionOperator.Operator.Decisions;
using SessionOperator.Operator.Standalone;

namespace SessionOperator.Operator.Tests.Standalone;

public class ConfigReaderTests
{
    private const string Good = """
        grpc: 127.0.0.1:7443
        http: 127.0.0.1:7080
        lease: 12s
        databases:
          - name: default/orders-db
            fallback: Cache
            recovery: { successes: 4, dwell: 2s, drainDeadline: 90s }
          - name: shop/users
            fallback: SkipSave
        """;

    private static string Complaint(string text) => Assert.Throws<ConfigException>(() => ConfigReader.Read("config.yaml", text)).Message;

    [Fact]
    public void Everything_that_can_be_said_is_understood()
    {
        var config = ConfigReader.Read("config.yaml", Good);
        Assert.Equal(("127.0.0.1:7443", "127.0.0.1:7080", 12), (config.Grpc.ToString(), config.Http.ToString(), (int)config.Lease.TotalSeconds));
        Assert.Equal(
            new Policy(Mode.Cache) { Successes = 4, Dwell = TimeSpan.FromSeconds(2), DrainDeadline = TimeSpan.FromSeconds(90) },
            config.Databases["default/orders-db"]);
        Assert.Equal(new Policy(Mode.SkipSave), config.Databases["shop/users"]);
    }

    [Fact]
    public void What_is_left_out_has_its_default()
    {
        var config = ConfigReader.Read("config.yaml", Good.Replace("lease: 12s\n", "", StringComparison.Ordinal));
        Assert.Equal(TimeSpan.FromSeconds(10), config.Lease);
        var policy = config.Databases["shop/users"];
        Assert.Equal((3, 1, 60), (policy.Successes, (int)policy.Dwell.TotalSeconds, (int)policy.DrainDeadline.TotalSeconds));
    }

    [Theory]
    [InlineData("fallback: Cache", "fallback: Cashe", "config.yaml, line 6: databases[0].fallback is \"Cashe\"; write Cache ")]
    [InlineData("fallback: Cache", "fall_back: Cache", "config.yaml, line 6: databases[0].fall_back is not a known field; known here are name, fallback, recovery")]
    [InlineData("    fallback: Cache\n", "", "config.yaml, line 5: databases[0].fallback is missing; write Cache ")]
    [InlineData("lease: 12s", "lease: 12", "config.yaml, line 3: lease is \"12\"; write a time from 3s to 5m, such as ")]
    [InlineData("lease: 12s", "lease: 1s", "config.yaml, line 3: lease is \"1s\"; write a time from 3s")]
    [InlineData("lease: 12s", "lease:", "config.yaml, line 3: lease has no simple value; write a time")]
    [InlineData("lease: 12s", "leese: 12s", "config.yaml, line 3: leese is not a known field; known here are grpc, http, lease, databases")]
    [InlineData("grpc: 127.0.0.1:7443", "grpc: localhost", "config.yaml, line 1: grpc is \"localhost\"; write an address and a port, such as 127.0.0.1:7443")]
    [InlineData("grpc: 127.0.0.1:7443", "grpc: 127.0.0.1", "config.yaml, line 1: grpc is \"127.0.0.1\"; write an address and a port")]
    [InlineData("http: 127.0.0.1:7080\n", "", "config.yaml, line 1: http is missing; write ")]
    [InlineData("default/orders-db", "orders-db", "config.yaml, line 5: databases[0].name is \"orders-db\"; write namespace/name")]
    [InlineData("shop/users", "default/orders-db", "config.yaml, line 8: databases[1].name repeats default/orders-db; write every database once")]
    [InlineData("successes: 4", "successes: 0", "config.yaml, line 7: databases[0].recovery.successes is \"0\"; write a whole number from 1 to 100")]
    [InlineData("dwell: 2s", "dwell: soon", "config.yaml, line 7: databases[0].recovery.dwell is \"soon\"; write a time from 0ms to 5m")]
    [InlineData("drainDeadline: 90s", "drain_deadline: 90s", "databases[0].recovery.drain_deadline is not a known field; known here are successes, dwell, drainDeadline")]
    [InlineData("{ successes: 4, dwell: 2s, drainDeadline: 90s }", "4", "config.yaml, line 7: databases[0].recovery must be fields and values; write successes:, dwell:, drainDeadline:")]
    public void What_is_wrong_is_named_with_what_to_write_instead(string old, string broken, string expected) =>
        Assert.Contains(expected, Complaint(Good.Replace(old, broken, StringComparison.Ordinal)), StringComparison.Ordinal);

    [Theory]
    [InlineData("", "config.yaml: holds 0 YAML documents; write exactly one")]
    [InlineData("grpc: \"127", "this is not YAML (")]
    [InlineData("- a\n- b", "config.yaml, line 1: the file must be fields and values; write grpc:, http:, lease:, databases:")]
    [InlineData("grpc: 127.0.0.1:1\ngrpc: 127.0.0.1:2", "config.yaml, line ")]
    [InlineData("grpc: 127.0.0.1:1\nhttp: 127.0.0.1:2\ndatabases: []", "config.yaml, line 3: databases is empty or no list; write a list")]
    [InlineData("grpc: 127.0.0.1:1\nhttp: 127.0.0.1:2\ndatabases: [orders]", "config.yaml, line 3: databases[0] must be fields and values")]
    public void A_file_that_is_something_else_is_told_so(string text, string expected) =>
        Assert.Contains(expected, Complaint(text), StringComparison.Ordinal);

    [Fact]
    public void A_file_that_is_not_there_is_told_so() =>
        Assert.StartsWith("/nowhere/config.yaml: cannot be read (", Assert.Throws<ConfigException>(() => ConfigReader.ReadFile("/nowhere/config.yaml")).Message, StringComparison.Ordinal);
}
