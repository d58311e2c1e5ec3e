using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Control;
using SessionOperator.Sidecar.Journal;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Sidecar.Tests.Control;

public class FleetChannelTests
{
    private static string Authority(string name = "CA")
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return certificate.ExportCertificatePem();
    }

    [Fact]
    public void What_was_given_and_what_was_kept_both_count()
    {
        using var directory = new TempDirectory();
        var trust = new OperatorTrust(directory["given.pem"], directory["kept.pem"]);
        Assert.Contains("given.pem", Assert.Throws<IOException>(trust.Load).Message, StringComparison.Ordinal);
        File.WriteAllText(directory["given.pem"], Authority("one"));
        Assert.Equal(["CN=one"], trust.Load().Select(a => a.Subject));
        Assert.Null(trust.Keep(Authority("two") + "\n" + Authority("three")));
        Assert.Equal(["CN=one", "CN=three", "CN=two"], trust.Load().Select(a => a.Subject).Order());
        // What was kept before is replaced, what was given stays; a new process finds the same.
        Assert.Null(trust.Keep(Authority("four")));
        Assert.Equal(["CN=four", "CN=one"], new OperatorTrust(directory["given.pem"], directory["kept.pem"]).Load().Select(a => a.Subject).Order());
        // The volume was shown late, or never: what was kept is enough.
        File.Delete(directory["given.pem"]);
        Assert.Equal(["CN=four"], trust.Load().Select(a => a.Subject));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(directory["kept.pem"]));
    }

    [Theory]
    [InlineData("", "it holds no certificate")]
    [InlineData("hello", "it holds no certificate")]
    [InlineData("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "")]
    public void What_is_no_bundle_does_not_replace_one(string pem, string why)
    {
        using var directory = new TempDirectory();
        var trust = new OperatorTrust(directory["given.pem"], directory["kept.pem"]);
        Assert.Null(trust.Keep(Authority("one")));
        Assert.Contains(why, trust.Keep(pem)!, StringComparison.Ordinal);
        Assert.Contains("too many", trust.Keep(new string('x', 65 * 1024))!, StringComparison.Ordinal);
        Assert.Equal(["CN=one"], trust.Load().Select(a => a.Subject));
    }

    [Fact]
    public async Task The_token_is_read_anew_for_every_connection()
    {
        using var directory = new TempDirectory();
        var cancel = TestContext.Current.CancellationToken;
        var channel = new FleetChannel("https://127.0.0.1:1", null, directory["token"]);
        await Assert.ThrowsAsync<FileNotFoundException>(() => channel.HeadersAsync(cancel));
        await File.WriteAllTextAsync(directory["token"], "one\n", cancel);
        Assert.Equal("Bearer one", (await channel.HeadersAsync(cancel)).GetValue("authorization"));
        await File.WriteAllTextAsync(directory["token"], "two", cancel);
        Assert.Equal("Bearer two", (await channel.HeadersAsync(cancel)).GetValue("authorization"));
        foreach (var none in new[] { "", "a b", "a\u00e4", new string('x', 17 * 1024) })
        {
            await File.WriteAllTextAsync(directory["token"], none, cancel);
            Assert.Contains("holds no token", (await Assert.ThrowsAsync<IOException>(() => channel.HeadersAsync(cancel))).Message, StringComparison.Ordinal);
        }
        Assert.Empty(await new FleetChannel("http://127.0.0.1:1").HeadersAsync(cancel));
    }

    [Fact]
    public async Task A_connection_that_is_half_open_is_given_up_within_ten_seconds()
    {
        await using var fake = await FakeOperator.StartAsync();
        await using var between = new SilentProxy(new Uri(fake.Address).Port);
        using var directory = new TempDirectory();
        var log = new ListLogger();
        await using var journal = SessionJournal.Open(directory["journal"], log);
        using var mode = new ModeController(new ModePage(directory["mode"], TimeSpan.FromSeconds(1)), journal, () => 1, false, log);
        var fleet = new FleetStream(new FleetChannel(between.Address), new Identity("shop/orders", "web-1", "i", "1"), mode, () => new Status(), () => Task.CompletedTask, log);
        using var stopping = new CancellationTokenSource();
        var running = fleet.RunAsync(stopping.Token);
        var stream = await fake.Streams.NextAsync();
        // A lease far longer than the test: only the pings can find out.
        await stream.Say(new Decision { Epoch = 1, Mode = Mode.Cache, LeaseMs = 600_000 });
        await Eventually.True(() => fleet.Connected);
        between.FallSilent();
        var since = ModeController.Now;
        var again = await fake.Streams.NextAsync(20);
        Assert.InRange((again.OpenedAt - since).TotalSeconds, 0, 12);
        await again.Say(new Decision { Epoch = 1, Mode = Mode.Cache, LeaseMs = 10_000 });
        await Eventually.True(() => fleet.Connected);
        Assert.Equal(Mode.Cache, mode.State.Mode);
        await stopping.CancelAsync();
        await running;
    }

    /// <summary>Passes bytes on, until it falls silent for the connections there are: these stay open and nothing arrives.</summary>
    private sealed class SilentProxy : IAsyncDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly CancellationTokenSource _ending = new();
        private readonly List<Socket> _sockets = [];
        private readonly Task _accepting;
        private CancellationTokenSource _silence = new();

        public SilentProxy(int port)
        {
            _listener.Start();
            _accepting = AcceptAsync(port);
        }

        public string Address => $"http://{_listener.LocalEndpoint}";

        public void FallSilent()
        {
            _silence.Cancel();
            _silence = new CancellationTokenSource();
        }

        public async ValueTask DisposeAsync()
        {
            await _ending.CancelAsync();
            FallSilent();
            await _accepting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _listener.Dispose();
            _sockets.ForEach(socket => socket.Dispose());
            _silence.Dispose();
            _ending.Dispose();
        }

        private async Task AcceptAsync(int port)
        {
            while (true)
            {
                var near = await _listener.AcceptSocketAsync(_ending.Token);
                var far = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                await far.ConnectAsync(IPAddress.Loopback, port, _ending.Token);
                _sockets.AddRange([near, far]);
                _ = Task.WhenAll(PassAsync(near, far, _silence.Token), PassAsync(far, near, _silence.Token));
            }
        }

        private static async Task PassAsync(Socket from, Socket to, CancellationToken silence)
        {
            var buffer = new byte[16 * 1024];
            try
            {
                while (await from.ReceiveAsync(buffer, silence) is var read and > 0)
                {
                    await to.SendAsync(buffer.AsMemory(0, read), silence);
                }
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
            {
                // Silent, or one end is gone: nothing more is passed on, which is what the test is about.
            }
        }
    }
}
