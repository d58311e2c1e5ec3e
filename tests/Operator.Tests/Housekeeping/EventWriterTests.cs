using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Prometheus;
using SessionOperator.Operator.Housekeeping.Events;
using SessionOperator.Operator.Kubernetes;
using SessionOperator.Operator.Metrics;
using SessionOperator.Operator.Tests.Watching;

namespace SessionOperator.Operator.Tests.Housekeeping;

public sealed class EventWriterTests : IAsyncLifetime
{
    private readonly CollectorRegistry _registry = Prometheus.Metrics.NewCustomRegistry();
    private readonly List<JsonElement> _bodies = [];
    private ScriptedApiServer _server = null!;
    private EventWriter _writer = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await ScriptedApiServer.StartAsync();
        var calls = new ApiCalls(_server.Transport) { Deadline = TimeSpan.FromSeconds(1) };
        _writer = new EventWriter(new EventApi(calls, "operator-1"), new HousekeepingMetrics(_registry), TimeProvider.System, NullLogger.Instance);
        await _writer.StartAsync(TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _writer.StopAsync(CancellationToken.None);
        _writer.Dispose();
        await _server.DisposeAsync();
    }

    private static Note Note(string message = "words") =>
        new(new Subject("sessionoperator.dev/v1alpha1", "SessionDatabase", "shop", "orders-db", "u"), true, "Unwritable", message);

    private Answer Take => async context =>
    {
        using var body = await JsonDocument.ParseAsync(context.Request.Body, cancellationToken: context.RequestAborted);
        lock (_bodies)
        {
            _bodies.Add(body.RootElement.Clone());
        }
        await context.Response.WriteAsync("{}", context.RequestAborted);
    };

    private async Task Until(string outcome, double count)
    {
        var deadline = DateTime.UtcNow.AddSeconds(20);
        while (await Count(outcome) < count)
        {
            Assert.True(DateTime.UtcNow < deadline, $"never {count} {outcome}: {string.Join(' ', _server.Requests)}");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }

    private async Task<double> Count(string outcome)
    {
        using var text = new MemoryStream();
        await _registry.CollectAndExportAsTextAsync(text, TestContext.Current.CancellationToken);
        var line = System.Text.Encoding.UTF8.GetString(text.ToArray()).Split('\n')
            .FirstOrDefault(l => l.StartsWith($"session_operator_events_total{{outcome=\"{outcome}\"}}", StringComparison.Ordinal));
        return line is null ? 0 : double.Parse(line[(line.LastIndexOf(' ') + 1)..], System.Globalization.CultureInfo.InvariantCulture);
    }

    [Fact]
    public async Task What_cannot_be_written_now_is_written_later_and_in_order()
    {
        _server.Then(Say.Nothing, Say.Status(503), Say.Status(429), Take, Take);
        _writer.Post(Note("first"));
        _writer.Post(Note("second"));
        await Until("written", 2);
        Assert.Equal(["first", "second"], _bodies.Select(body => body.GetProperty("message").GetString()));
    }

    [Fact]
    public async Task The_same_again_raises_the_count_of_the_event_that_is_there()
    {
        _server.Then(Take, Take, Say.Status(404), Take);
        _writer.Post(Note());
        _writer.Post(Note());
        await Until("repeated", 1);
        Assert.Equal(2, _bodies[1].GetProperty("count").GetInt32());
        Assert.Equal(_server.Requests[0] + "/" + _bodies[0].GetProperty("metadata").GetProperty("name").GetString(), _server.Requests[1]);
        // Events do not live for ever.
        _writer.Post(Note());
        await Until("written", 2);
    }

    [Fact]
    public async Task What_another_replica_wrote_is_not_written_twice_and_what_is_refused_not_again()
    {
        _server.Then(Say.Status(409), Say.Status(403), Take);
        _writer.Post(Note() with { Key = "epoch 5" });
        await Until("known", 1);
        _writer.Post(Note("may not"));
        await Until("failed", 1);
        _writer.Post(Note("may"));
        await Until("written", 1);
        Assert.Equal("may", Assert.Single(_bodies).GetProperty("message").GetString());
    }

    [Fact]
    public async Task What_became_another_replicas_to_write_is_not_written()
    {
        using var term = new CancellationTokenSource();
        _server.Then(Say.Status(503));
        _writer.Post(Note("while it held") with { Until = term.Token });
        var deadline = DateTime.UtcNow.AddSeconds(20);
        while (_server.Requests.Length == 0 && DateTime.UtcNow < deadline)
        {
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
        await term.CancelAsync();
        await Until("dropped", 1);
        _server.Then(Take);
        _writer.Post(Note("also while it held") with { Until = term.Token });
        _writer.Post(Note("its own"));
        await Until("written", 1);
        Assert.Equal("its own", Assert.Single(_bodies).GetProperty("message").GetString());
    }

    [Fact]
    public async Task Nobody_waits_for_a_server_that_does_not_answer()
    {
        _server.Then(Say.Nothing);
        var watch = System.Diagnostics.Stopwatch.StartNew();
        for (var i = 0; i < 2000; i++)
        {
            _writer.Post(Note($"note {i}"));
        }
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(2), $"took {watch.Elapsed}");
        Assert.True(await Count("dropped") > 1000);
    }
}
