using SessionOperator.Operator.Kubernetes.Watching;

namespace SessionOperator.Operator.Tests.Watching;

/// <summary>Answers that say what is wrong with the question, and kinds that are not there.</summary>
public class WatchAnswersTests
{
    [Fact]
    public async Task Forbidden_says_what_to_grant_and_is_tried_again()
    {
        await using var watched = await Watched.StartAsync(null, Say.Status(403, "nope"), Say.List("5"), Say.Open());
        await watched.Expect("=0");
        await watched.ExpectEnds(EndReason.Forbidden);
        Assert.Contains(
            "403: the operator may not list and watch things.example.org; give its service account a Role with list and watch on things.example.org in namespace shop (nope)",
            watched.Log[0]);
    }

    [Fact]
    public async Task While_it_may_not_watch_it_is_neither_synced_nor_fresh_and_says_why()
    {
        await using var watched = await Watched.StartAsync(null, Say.Status(403, "nope"));
        await watched.Until(() => watched.Health.Problem.Length > 0);
        Assert.Contains("give its service account a Role", watched.Health.Problem);
        Assert.False(watched.Health.IsSynced);
        Assert.False(watched.Health.IsFresh);
        Assert.True(watched.Health.IsTurning);
    }

    [Theory]
    [InlineData(401, EndReason.Unauthorized)]
    [InlineData(400, EndReason.Refused)]
    [InlineData(302, EndReason.Malformed)]
    public async Task Other_refusals_are_told_apart(int code, EndReason reason)
    {
        await using var watched = await Watched.StartAsync(null, Say.Status(code), Say.List("5"), Say.Open());
        await watched.Expect("=0");
        await watched.ExpectEnds(reason);
    }

    [Fact]
    public async Task A_kind_that_is_not_installed_is_healthy_and_found_when_it_comes()
    {
        var timings = Watched.Patient with { NotInstalledPause = TimeSpan.FromMilliseconds(20) };
        await using var watched = await Watched.StartAsync(timings, Say.Status(404), Say.Status(404), Say.Status(404));
        await watched.Until(() => watched.Server.Requests.Length == 4);
        Assert.Equal("=0", watched.Told);
        Assert.True(watched.Health.IsFresh);
        Assert.Single(watched.Log, line => line.StartsWith("Information:", StringComparison.Ordinal) && line.Contains("not installed here"));
        watched.Server.Then(Say.List("5", Say.Object("a", "1")), Say.Open());
        await watched.Expect("=0 +a1 =1");
    }

    [Fact]
    public async Task A_kind_that_was_taken_away_takes_its_objects_along()
    {
        var timings = Watched.Patient with { NotInstalledDoubt = TimeSpan.Zero };
        await using var watched = await Watched.StartAsync(timings, Say.List("5", Say.Object("a", "1")), Say.Status(404));
        await watched.Expect("+a1 =1 -a1 =0");
        await watched.Until(() => watched.Health.State == WatchState.NotInstalled);
    }

    [Fact]
    public async Task A_kind_that_is_missing_for_a_moment_keeps_its_objects()
    {
        // A server that has just started does not know custom resources yet.
        await using var watched = await Watched.StartAsync(
            null, Say.List("5", Say.Object("a", "1")), Say.Status(404), Say.Status(404), Say.List("6", Say.Object("a", "1")), Say.Open(Say.Modified("a", "7")));
        await watched.Expect("+a1 =1 =1 a1>a7");
    }

    [Fact]
    public async Task Nobody_there_is_tried_again_and_known_objects_stay()
    {
        var watched = await Watched.StartAsync(null, Say.List("5", Say.Object("a", "1")), Say.Open());
        await watched.Expect("+a1 =1");
        await watched.Server.DisposeAsync();
        await watched.Until(() => watched.Ends.Length > 3);
        Assert.Equal("+a1 =1", watched.Told);
        Assert.True(watched.Health.IsTurning);
        Assert.NotEqual("", watched.Health.Problem);
        await watched.DisposeAsync();
    }
}
