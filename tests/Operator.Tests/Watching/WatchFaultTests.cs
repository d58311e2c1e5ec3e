using System.Diagnostics;
using SessionOperator.Operator.Kubernetes.Watching;

namespace SessionOperator.Operator.Tests.Watching;

/// <summary>One fault a test. Each ends with the watch telling what was missed, and with the fault counted.</summary>
public class WatchFaultTests
{
    private static readonly TimeSpan s_short = TimeSpan.FromMilliseconds(300);

    /// <summary>Where a watch must list again: an object came, one went and one stayed while nobody looked.</summary>
    private static readonly Answer[] s_missed = [Say.List("9", Say.Object("b", "2"), Say.Object("c", "8")), Say.Open()];

    private static Answer[] AfterList(Answer fault, params Answer[] then) =>
        [Say.List("5", Say.Object("a", "1"), Say.Object("b", "2")), fault, .. then];

    [Fact]
    public async Task Gone_inside_a_stream_lists_again_and_tells_what_went_unseen()
    {
        await using var watched = await Watched.StartAsync(null, AfterList(Say.Watch(Say.Error(410, "Expired")), s_missed));
        await watched.Expect("+a1 +b2 =2 -a1 +c8 =2");
        await watched.ExpectEnds(EndReason.Gone);
    }

    [Fact]
    public async Task Gone_inside_a_stream_that_stays_open_lists_again_too()
    {
        await using var watched = await Watched.StartAsync(null, AfterList(Say.Open(Say.Error(410, "Expired")), s_missed));
        await watched.Expect("+a1 +b2 =2 -a1 +c8 =2");
    }

    [Fact]
    public async Task Gone_instead_of_a_stream_lists_again()
    {
        await using var watched = await Watched.StartAsync(null, AfterList(Say.Status(410), s_missed));
        await watched.Expect("+a1 +b2 =2 -a1 +c8 =2");
        await watched.ExpectEnds(EndReason.Gone);
    }

    [Fact]
    public async Task An_error_inside_a_stream_lists_again_whatever_it_is()
    {
        await using var watched = await Watched.StartAsync(null, AfterList(Say.Watch(Say.Error(500, "InternalError")), s_missed));
        await watched.Expect("+a1 +b2 =2 -a1 +c8 =2");
        await watched.ExpectEnds(EndReason.ServerError);
    }

    [Fact]
    public async Task A_continued_list_that_is_gone_starts_over_and_forgets_its_first_pages()
    {
        await using var watched = await Watched.StartAsync(
            null, Say.Page("5", "next", Say.Object("a", "1")), Say.Status(410), Say.List("9", Say.Object("b", "8")), Say.Open());
        await watched.Expect("+b8 =1");
        Assert.DoesNotContain("continue", watched.Server.Requests[2]);
    }

    [Fact]
    public async Task An_empty_close_is_tried_again_more_and_more_slowly_and_then_everything_is_asked_anew()
    {
        var empty = Enumerable.Repeat(Say.Watch(), 5).ToArray();
        var timings = Watched.Patient with { FirstPause = TimeSpan.FromMilliseconds(50), LongestPause = TimeSpan.FromMilliseconds(200) };
        var took = Stopwatch.StartNew();
        await using var watched = await Watched.StartAsync(timings, AfterList(empty[0], [.. empty[1..], .. s_missed]));
        await watched.Expect("+a1 +b2 =2 -a1 +c8 =2");
        // Half of 50 + 100 + 200 + 200 + 200 ms at least: no server is hammered.
        Assert.True(took.Elapsed > TimeSpan.FromMilliseconds(375), $"five attempts took {took.Elapsed}");
        Assert.All(watched.Ends, end => Assert.Equal(EndReason.Empty, end));
        Assert.Equal(5, watched.Server.Requests.Count(request => request.Contains("watch=true&allowWatchBookmarks=true&resourceVersion=5", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_reset_goes_on_where_it_was()
    {
        var now = new TaskCompletionSource();
        await using var watched = await Watched.StartAsync(
            null, AfterList(Say.Reset(now.Task, Say.Modified("a", "6")), Say.Open(Say.Modified("a", "7"))));
        await watched.Expect("+a1 +b2 =2 a1>a6");
        now.SetResult();
        await watched.Expect("+a1 +b2 =2 a1>a6 a6>a7");
        await watched.ExpectEnds(EndReason.Reset);
        Assert.Contains("resourceVersion=6", watched.Server.Requests[2]);
    }

    [Fact]
    public async Task A_stream_cut_within_an_event_goes_on_where_it_was()
    {
        await using var watched = await Watched.StartAsync(null, AfterList(CutWithinAnEvent, Say.Open(Say.Modified("a", "6"))));
        await watched.Expect("+a1 +b2 =2 a1>a6");
        await watched.ExpectEnds(EndReason.Reset);
    }

    [Fact]
    public async Task A_connection_that_is_open_and_silent_is_dead_after_its_deadline()
    {
        await using var watched = await Watched.StartAsync(
            Watched.Patient with { ReadDeadline = s_short }, AfterList(Say.Open(Say.Bookmark("6")), Say.List("9", Say.Object("b", "2"), Say.Object("c", "8"))));
        await watched.Expect("+a1 +b2 =2 -a1 +c8 =2");
        Assert.Equal(EndReason.Silent, watched.Ends[0]);
    }

    [Fact]
    public async Task A_line_that_does_not_end_is_silence()
    {
        await using var watched = await Watched.StartAsync(Watched.Patient with { ReadDeadline = s_short }, AfterList(Dripping, s_missed[0]));
        await watched.Expect("+a1 +b2 =2 -a1 +c8 =2");
        Assert.Equal(EndReason.Silent, watched.Ends[0]);
    }

    [Fact]
    public async Task A_server_that_accepts_a_watch_and_never_answers_is_given_up()
    {
        await using var watched = await Watched.StartAsync(Watched.Patient with { AnswerDeadline = s_short }, AfterList(Say.Nothing, s_missed));
        await watched.Expect("+a1 +b2 =2 -a1 +c8 =2");
        await watched.ExpectEnds(EndReason.Silent);
    }

    [Fact]
    public async Task A_list_that_stalls_within_its_body_is_given_up()
    {
        await using var watched = await Watched.StartAsync(
            Watched.Patient with { PageDeadline = s_short }, Say.StalledList, Say.List("5", Say.Object("a", "1")), Say.Open());
        await watched.Expect("+a1 =1");
        Assert.Equal(EndReason.Stalled, watched.Ends[0]);
    }

    [Theory]
    [InlineData("this is no JSON")]
    [InlineData("{\"type\":\"ADDED\"")]
    [InlineData("{\"type\":\"ADDED\",\"object\":{}}")]
    [InlineData("{\"type\":\"RENAMED\",\"object\":{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"1\"}}}")]
    [InlineData("{\"type\":\"BOOKMARK\",\"object\":[]}")]
    [InlineData("[1]")]
    [InlineData("")]
    public async Task A_line_that_is_no_event_lists_again(string line)
    {
        await using var watched = await Watched.StartAsync(null, AfterList(Say.Open(line), s_missed));
        await watched.Expect("+a1 +b2 =2 -a1 +c8 =2");
        await watched.ExpectEnds(EndReason.Malformed);
    }

    [Theory]
    [InlineData("no JSON at all")]
    [InlineData("{\"items\":[]}")]
    public async Task A_list_that_is_none_is_asked_for_again(string body)
    {
        await using var watched = await Watched.StartAsync(null, Say.Watch(body), Say.List("5"), Say.Open());
        await watched.Expect("=0");
        await watched.ExpectEnds(EndReason.Malformed);
    }

    [Fact]
    public async Task A_line_longer_than_is_taken_in_lists_again()
    {
        await using var watched = await Watched.StartAsync(
            Watched.Patient with { MaxLine = 50_000 }, AfterList(Say.Open(new string('x', 200_000)), s_missed));
        await watched.Expect("+a1 +b2 =2 -a1 +c8 =2");
        await watched.ExpectEnds(EndReason.Oversized);
    }

    [Fact]
    public async Task A_page_longer_than_is_taken_in_is_asked_for_in_smaller_ones()
    {
        var many = Enumerable.Range(0, 40).Select(i => Say.Object($"o{i}", "1")).ToArray();
        await using var watched = await Watched.StartAsync(
            Watched.Patient with { MaxPage = 2000, PageSize = 40 }, Say.List("5", many), Say.List("5", many), Say.List("5", Say.Object("a", "1")), Say.Open());
        await watched.Expect("+a1 =1");
        Assert.Contains("limit=10", watched.Server.Requests[2]);
    }

    [Fact]
    public async Task Too_many_requests_waits_as_long_as_the_server_asks()
    {
        var took = Stopwatch.StartNew();
        await using var watched = await Watched.StartAsync(null, AfterList(Say.Status(429, "busy", 1), Say.Open(Say.Modified("a", "6"))));
        await watched.Expect("+a1 +b2 =2 a1>a6");
        Assert.True(took.Elapsed >= TimeSpan.FromSeconds(0.95), $"came back after {took.Elapsed}");
        await watched.ExpectEnds(EndReason.Throttled);
    }

    [Fact]
    public async Task A_server_that_asks_for_a_day_gets_less()
    {
        await using var watched = await Watched.StartAsync(
            Watched.Patient with { LongestRetryAfter = TimeSpan.FromMilliseconds(50) }, AfterList(Say.Status(503, "busy", 86400), Say.Open(Say.Modified("a", "6"))));
        await watched.Expect("+a1 +b2 =2 a1>a6");
    }

    [Theory]
    [InlineData(500)]
    [InlineData(503)]
    [InlineData(504)]
    public async Task An_error_of_the_server_is_tried_again_from_the_same_point(int code)
    {
        await using var watched = await Watched.StartAsync(null, AfterList(Say.Status(code), Say.Open(Say.Modified("a", "6"))));
        await watched.Expect("+a1 +b2 =2 a1>a6");
        await watched.ExpectEnds(EndReason.ServerError);
        Assert.Contains("resourceVersion=5", watched.Server.Requests[2]);
    }

    [Fact]
    public async Task Trouble_is_said_once_and_so_is_its_end()
    {
        await using var watched = await Watched.StartAsync(
            null, AfterList(Say.Status(500, "etcd is away"), Say.Status(500), Say.Status(500), Say.Open(Say.Modified("a", "6"))));
        await watched.Expect("+a1 +b2 =2 a1>a6");
        await watched.Until(() => watched.Log.Length == 2);
        Assert.Equal("Warning: watching things.example.org in shop with app=db stopped (ServerError): 500: the server has a problem (etcd is away); trying again", watched.Log[0]);
        Assert.StartsWith("Information: watching things.example.org in shop with app=db again, ", watched.Log[1]);
    }

    [Fact]
    public async Task A_failing_sink_is_told_again_what_it_did_not_take_in()
    {
        await using var watched = await Watched.StartAsync(
            null, AfterList(Say.Open(Say.Deleted("a", "6")), Say.List("6", Say.Object("b", "2")), Say.Open()));
        var failures = 0;
        watched.Fail = what => what == "-a1" && failures++ == 0 ? new InvalidOperationException("full") : null;
        await watched.Expect("+a1 +b2 =2 -a1 =1");
        await watched.ExpectEnds(EndReason.Handler);
    }

    private static async Task CutWithinAnEvent(Microsoft.AspNetCore.Http.HttpContext context) =>
        await context.Response.Body.WriteAsync("{\"type\":\"ADD"u8.ToArray(), context.RequestAborted);

    private static async Task Dripping(Microsoft.AspNetCore.Http.HttpContext context)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (await timer.WaitForNextTickAsync(context.RequestAborted))
        {
            await context.Response.Body.WriteAsync(" "u8.ToArray(), context.RequestAborted);
            await context.Response.Body.FlushAsync(context.RequestAborted);
        }
    }
}
