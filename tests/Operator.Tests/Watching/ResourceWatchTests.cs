using System.Web;
using SessionOperator.Operator.Kubernetes.Watching;

namespace SessionOperator.Operator.Tests.Watching;

/// <summary>What a watch asks for, and what it tells when nothing goes wrong.</summary>
public class ResourceWatchTests
{
    [Fact]
    public async Task A_list_is_told_whole_and_changes_follow_in_order()
    {
        await using var watched = await Watched.StartAsync(
            null, Say.List("5", Say.Object("a", "1"), Say.Object("b", "2")),
            Say.Open(Say.Modified("a", "6"), Say.Added("c", "7"), Say.Deleted("b", "8"), Say.Bookmark("9")));
        await watched.Expect("+a1 +b2 =2 a1>a6 +c7 -b2");
        Assert.Equal(WatchState.Watching, watched.Health.State);
        Assert.True(watched.Health.IsFresh);
    }

    [Fact]
    public async Task The_questions_are_those_the_server_understands()
    {
        await using var watched = await Watched.StartAsync(
            Watched.Patient with { PageSize = 2, ServerTimeout = TimeSpan.FromSeconds(100) },
            Say.Page("5", "next+page", Say.Object("a", "1"), Say.Object("b", "2")), Say.List("5", Say.Object("c", "3")), Say.Open());
        await watched.Expect("+a1 +b2 +c3 =3");
        await watched.Until(() => watched.Server.Requests.Length == 3);
        const string Path = "/apis/example.org/v1/namespaces/shop/things?labelSelector=app%3Ddb&";
        Assert.Equal([Path + "limit=2", Path + "limit=2&continue=next%2Bpage"], watched.Server.Requests[..2]);
        var query = HttpUtility.ParseQueryString(watched.Server.Requests[2].Split('?')[1]);
        Assert.Equal(("true", "true", "5", "app=db"), (query["watch"], query["allowWatchBookmarks"], query["resourceVersion"], query["labelSelector"]));
        Assert.InRange(int.Parse(query["timeoutSeconds"]!, null), 75, 100);
    }

    [Fact]
    public async Task After_the_regular_end_it_goes_on_where_it_stopped_without_a_list()
    {
        await using var watched = await Watched.StartAsync(
            null, Say.List("5"), Say.Watch(Say.Added("a", "6"), Say.Bookmark("17")), Say.Open(Say.Added("b", "18")));
        await watched.Expect("=0 +a6 +b18");
        Assert.Contains("resourceVersion=17", watched.Server.Requests[2]);
        await watched.ExpectEnds(EndReason.Closed);
        Assert.Empty(watched.Log);
    }

    [Fact]
    public async Task An_object_replaced_by_another_of_its_name_is_removed_first()
    {
        await using var watched = await Watched.StartAsync(
            null, Say.List("5", Say.Object("a", "1", "first")), Say.Open(Say.Added("a", "6", "second")));
        await watched.Expect("+a1 =1 -a1 +a6");
    }

    [Fact]
    public async Task What_is_told_twice_is_handed_on_once()
    {
        await using var watched = await Watched.StartAsync(
            null, Say.List("5", Say.Object("a", "1")), Say.Open(Say.Added("a", "1"), Say.Deleted("z", "7"), Say.Added("b", "8")));
        await watched.Expect("+a1 =1 +b8");
    }

    [Fact]
    public async Task An_object_that_cannot_be_read_stops_nothing_and_what_was_known_of_it_stands()
    {
        var strange = """{"metadata":{"namespace":"shop","name":"a","uid":"uid-a","resourceVersion":"6"},"value":{}}""";
        await using var watched = await Watched.StartAsync(
            null, Say.List("5", Say.Object("a", "1")), Say.Watch(Say.Event("MODIFIED", strange), Say.Error(410, "Expired")),
            Say.List("8", strange, Say.Object("b", "7")), Say.Open());
        await watched.Expect("+a1 =1 +b7 =2");
        Assert.Contains("Error: things.example.org in shop with app=db: shop/a cannot be read (value is no text); what was known of it stands", watched.Log);
    }

    [Fact]
    public async Task It_stops_at_once_whatever_it_waits_for()
    {
        foreach (var script in new Answer[][] { [Say.Nothing], [Say.StalledList], [Say.List("5"), Say.Nothing], [Say.List("5"), Say.Open()], [Say.Status(429, "busy", 60)] })
        {
            await using var watched = await Watched.StartAsync(null, script);
            await watched.Until(() => watched.Server.Requests.Length == script.Length);
            await watched.StopAsync().WaitAsync(TimeSpan.FromSeconds(5), TestContext.Current.CancellationToken);
            Assert.Equal(WatchState.Stopped, watched.Health.State);
            Assert.True(watched.Health.IsTurning);
        }
    }
}
