using System.Net;
using System.Net.Sockets;
using SessionOperator.Sidecar.Cache;

namespace SessionOperator.Integration.Tests.Redis;

public sealed class RedisSettingsTests
{
    [Theory]
    [InlineData("redis://cache", "cache:6379", 0, null, null, false)]
    [InlineData("redis://cache:7000/5", "cache:7000", 5, null, null, false)]
    [InlineData("redis://:p%40ss@cache/1", "cache:6379", 1, null, "p@ss", false)]
    [InlineData("rediss://app:word@[::1]:6380/0?ssl_cert_reqs=none", "::1:6380", 0, "app", "word", true)]
    [InlineData("redis://cache/1?db=4&password=word", "cache:6379", 4, null, "word", false)]
    public void A_location_is_read_as_redis_py_reads_it(string location, string server, int database, string? user, string? password, bool tls)
    {
        var settings = Of("{}", location);

        var endPoint = Assert.IsType<DnsEndPoint>(Assert.Single(settings.Servers));
        Assert.Equal(server, $"{endPoint.Host}:{endPoint.Port}");
        Assert.Equal((database, user, password, tls), (settings.Database, settings.User, settings.Password, settings.Tls is not null));
    }

    [Fact]
    public void A_unix_socket_is_a_location()
    {
        var settings = Of("{}", "unix:///run/redis/redis.sock?db=2");

        Assert.Equal("/run/redis/redis.sock", Assert.IsType<UnixDomainSocketEndPoint>(Assert.Single(settings.Servers)).ToString());
        Assert.Equal(2, settings.Database);
    }

    [Fact]
    public void Of_several_servers_the_first_is_written_to_as_the_app_does() =>
        Assert.Equal("primary", ((DnsEndPoint)Assert.Single(Of("{}", "redis://primary", "redis://replica").Servers)).Host);

    [Fact]
    public void Of_a_cluster_all_nodes_are_known() =>
        Assert.Equal(2, Of("""{"REDIS_CLIENT_CLASS": "redis.cluster.RedisCluster"}""", "redis://a", "redis://b").Servers.Count);

    [Theory]
    [InlineData("""{"SENTINELS": [["s1", 26379], ["s2", 26380]], "SENTINEL_KWARGS": {"password": "sp"}, "PASSWORD": "p"}""")]
    [InlineData("""{"SENTINELS": "s1, s2:26380", "SENTINEL_KWARGS": {"password": "sp"}, "PASSWORD": "p"}""")]
    public void Sentinels_are_asked_for_the_service_that_the_location_names(string options)
    {
        var settings = Of(options, "redis://sessions/1");

        Assert.Equal(["s1:26379", "s2:26380"], settings.Servers.Cast<DnsEndPoint>().Select(s => $"{s.Host}:{s.Port}"));
        Assert.Equal(new RedisSentinel("sessions", null, "sp"), settings.Sentinel);
        Assert.Equal((1, "p"), (settings.Database, settings.Password));
    }

    [Theory]
    [InlineData("{}", "cache:6379", "redis://")]
    [InlineData("{}", "redis://", "redis://")]
    [InlineData("{}", "redis://host/sessions", "number")]
    [InlineData("{}", "unix://", "unix:///path")]
    [InlineData("""{"CLIENT_CLASS": "django_redis.client.ShardClient"}""", "redis://a", "one server, Sentinel or Cluster")]
    [InlineData("""{"CLIENT_CLASS": "django_redis.client.SentinelClient"}""", "redis://sessions/0", "list of (host, port)")]
    [InlineData("""{"SENTINELS": [["s1"]]}""", "redis://sessions/0", "(host, port)")]
    [InlineData("""{"SENTINELS": []}""", "redis://sessions/0", "list of (host, port)")]
    [InlineData("""{"SENTINELS": [["s1", 1]]}""", "unix:///run/redis.sock", "service")]
    [InlineData("""{"ssl_ca_certs": "/no/such/file.pem"}""", "rediss://cache", "mount it at the same path")]
    public void What_cannot_be_followed_is_said_with_what_to_write(string options, string location, string advice)
    {
        var e = Assert.Throws<FormatException>(() => Of(options, location));

        Assert.Contains(advice, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("redis//:hunter2@cache")]
    [InlineData("redis://:hunter2@cache/x")]
    [InlineData("redis://:hunter2@cache:99999/0")]
    public void No_message_tells_a_password(string location) =>
        Assert.DoesNotContain("hunter2", Assert.Throws<FormatException>(() => Of("{}", location)).Message, StringComparison.Ordinal);

    [Fact]
    public void Settings_do_not_print_the_password() =>
        Assert.DoesNotContain("hunter2", Of("{}", "redis://:hunter2@cache/0").ToString(), StringComparison.Ordinal);

    private static RedisSettings Of(string options, params string[] locations) => RedisSettings.Of(RedisServer.Describe(options, locations));
}
