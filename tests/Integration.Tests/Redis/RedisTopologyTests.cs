using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using SessionOperator.Sidecar.Cache;

namespace SessionOperator.Integration.Tests.Redis;

/// <summary>TLS, Sentinel and Cluster, each with real servers.</summary>
public sealed class RedisTopologyTests
{
    private static readonly TimeSpan Life = TimeSpan.FromHours(1);
    private static readonly CancellationToken None = CancellationToken.None;

    [Fact]
    public async Task Tls_is_spoken_to_a_server_whose_certificate_a_known_authority_signed()
    {
        var keys = Directory.CreateTempSubdirectory("so-redis-tls-");
        try
        {
            var (certificate, key) = await CertificateAsync(keys.FullName);
            await using var server = await RedisServer.StartAsync("--port", "0", "--tls-port", "{port}", "--tls-cert-file", certificate,
                "--tls-key-file", key, "--tls-ca-cert-file", certificate, "--tls-auth-clients", "optional");
            var location = $"rediss://localhost:{server.Port}/0";

            Assert.True(await WorksAsync(server.Store($$"""{"ssl_ca_certs": "{{certificate}}"}""", location)));
            Assert.True(await WorksAsync(server.Store("{}", location + "?ssl_cert_reqs=none")));
            Assert.True(await WorksAsync(server.Store("""{"CONNECTION_POOL_KWARGS": {"ssl_cert_reqs": null}}""", location)));
            Assert.True(await WorksAsync(server.Store(
                $$"""{"ssl_ca_certs": "{{certificate}}", "ssl_certfile": "{{certificate}}", "ssl_keyfile": "{{key}}"}""", location)));
            Assert.False(await WorksAsync(server.Store("{}", location)));
            Assert.False(await WorksAsync(server.Store($$"""{"ssl_ca_certs": "{{certificate}}"}""", location.Replace("localhost", "127.0.0.1", StringComparison.Ordinal))));
            Assert.True(await WorksAsync(server.Store(
                $$"""{"ssl_ca_certs": "{{certificate}}", "ssl_check_hostname": false}""", location.Replace("localhost", "127.0.0.1", StringComparison.Ordinal))));
        }
        finally
        {
            keys.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Sentinels_name_the_primary_and_its_successor_is_followed()
    {
        await using var first = await RedisServer.StartAsync("--requirepass", "secret", "--masterauth", "secret");
        await using var second = await RedisServer.StartAsync("--requirepass", "secret", "--masterauth", "secret",
            "--replicaof", "127.0.0.1 " + Text(first.Port), "--repl-diskless-sync-delay", "0");
        await Until.TrueAsync(async () => (await second.CliAsync("-a", "secret", "INFO", "replication")).Contains("master_link_status:up", StringComparison.Ordinal),
            20, "the replica follows");
        var conf = Path.Combine(first.Folder, "sentinel.conf");
        await File.WriteAllTextAsync(conf, $"sentinel monitor sessions 127.0.0.1 {first.Port} 1\nsentinel auth-pass sessions secret\n"
            + "sentinel down-after-milliseconds sessions 500\nsentinel failover-timeout sessions 3000\n", TestContext.Current.CancellationToken);
        await using var sentinel = await RedisServer.StartAsync(conf, "--sentinel");
        await Until.TrueAsync(async () => (await sentinel.CliAsync("SENTINEL", "REPLICAS", "sessions")).Contains(Text(second.Port), StringComparison.Ordinal),
            20, "the sentinel knows the replica");

        await using var store = first.Store(
            $$"""{"CLIENT_CLASS": "django_redis.client.SentinelClient", "SENTINELS": [["127.0.0.1", {{sentinel.Port}}]], "PASSWORD": "secret"}""",
            "redis://sessions/0");
        await Until.TrueAsync(() => RedisStoreTests.AnswersAsync(store), 5, "the primary is found");
        Assert.True(await store.AddAsync("k", RedisStoreTests.Bytes("v"), Life, None));
        Assert.NotEqual("", await first.CliAsync("-a", "secret", "GET", "k"));

        await first.StopAsync();
        await Until.TrueAsync(async () => await AddsAsync(store, "after"), 30, "the successor is followed");
        Assert.NotEqual("", await second.CliAsync("-a", "secret", "GET", "after"));
    }

    [Fact]
    public async Task Every_key_finds_its_node_of_a_cluster()
    {
        string[] mode = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];
        await using var a = await RedisServer.StartAsync(mode);
        await using var b = await RedisServer.StartAsync(mode);
        await using var c = await RedisServer.StartAsync(mode);
        RedisServer[] nodes = [a, b, c];
        // By hand, because redis-cli --cluster create cannot be told the ports of the cluster's bus.
        for (var i = 0; i < nodes.Length; i++)
        {
            await nodes[i].CliAsync("CLUSTER", "ADDSLOTSRANGE", Text(i * 5461), Text(i == 2 ? 16383 : (i * 5461) + 5460));
        }

        foreach (var node in nodes[1..])
        {
            await a.CliAsync("CLUSTER", "MEET", "127.0.0.1", Text(node.Port), Text(node.BusPort));
        }

        await Until.TrueAsync(async () => (await Task.WhenAll(nodes.Select(n => n.CliAsync("CLUSTER", "INFO"))))
            .All(info => info.Contains("cluster_state:ok", StringComparison.Ordinal) && info.Contains("cluster_slots_ok:16384", StringComparison.Ordinal)), 30, "the cluster is whole");

        await using var store = new RedisStore(RedisSettings.Of(RedisServer.Describe(
            """{"CLIENT_CLASS": "app.cache.ClusterClient"}""", [.. nodes.Select(n => $"redis://127.0.0.1:{n.Port}")])));
        await Until.TrueAsync(() => RedisStoreTests.AnswersAsync(store), 5, "the cluster is found");
        for (var i = 0; i < 30; i++)
        {
            Assert.True(await store.AddAsync($"k{i}", RedisStoreTests.Bytes("v"), Life, None));
            Assert.True(await store.CompareAndSwapAsync($"k{i}", RedisStoreTests.Bytes("w"), (await store.GetAsync($"k{i}", None))!.Value.Token, Life, None));
        }

        Assert.All(await Task.WhenAll(nodes.Select(n => n.CliAsync("DBSIZE"))), size => Assert.NotEqual("0", size));
        await store.DeleteEverywhereAsync("k0", None);
        Assert.Null(await store.GetAsync("k0", None));
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static async Task<bool> WorksAsync(RedisStore store)
    {
        await using (store)
        {
            // A handshake on a busy machine may take longer than one deadline; a refused one stays refused.
            for (var i = 0; i < 8; i++)
            {
                if (await AddsAsync(store, $"k{Guid.NewGuid()}"))
                {
                    return true;
                }
            }

            return false;
        }
    }

    private static async Task<bool> AddsAsync(RedisStore store, string key)
    {
        try
        {
            return await store.AddAsync(key, RedisStoreTests.Bytes("v"), Life, None);
        }
        catch (CacheUnavailableException)
        {
            return false;
        }
    }

    private static async Task<(string Certificate, string Key)> CertificateAsync(string directory)
    {
        using var pair = RSA.Create(2048);
        var request = new CertificateRequest("CN=localhost", pair, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var signed = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        var (certificate, key) = (Path.Combine(directory, "certificate.pem"), Path.Combine(directory, "key.pem"));
        await File.WriteAllTextAsync(certificate, signed.ExportCertificatePem());
        await File.WriteAllTextAsync(key, pair.ExportPkcs8PrivateKeyPem());
        return (certificate, key);
    }
}
