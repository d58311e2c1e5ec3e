using SessionOperator.Integration.Tests.Servers;
using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Integration.Tests.Outage;

/// <summary>A logout was refused after the database may have carried it out: nobody was told that the session is over, so it goes on.</summary>
public sealed class UnsureEndTests(SharedPostgres postgres) : TwoPodsTest(postgres)
{
    private const string Entry = "engine-a";

    private static Dictionary<string, object?> Unsure(string data)
    {
        var save = Save("a", data, change: "optional", root: "before", entry: Entry);
        save["entrySeen"] = save["rowUnsure"] = true;
        return save;
    }

    private async Task BeganAsync()
    {
        await Database.SeedAsync("a", "before");
        await SetEntryAsync(Entry);
        await OneApartAsync();
    }

    private Task RowIsGoneAsync() => Database.ExecuteAsync("DELETE FROM django_session");

    /// <summary>By the engine of the pod in Normal, which knows of no record: with the row goes its own entry.</summary>
    private async Task TheOtherEndsItAsync()
    {
        await RowIsGoneAsync();
        await Entries.DeleteEverywhereAsync(Entry, CancellationToken.None);
    }

    [Fact]
    public async Task What_is_acknowledged_afterwards_is_kept_though_the_row_is_gone()
    {
        await BeganAsync();
        await RowIsGoneAsync();
        await SavedAsync(One, Unsure("before"));
        await SavedAsync(One, Save("a", "afterwards", root: "before", entry: Entry));
        Assert.Equal("afterwards", await RowGoneAsync(Two, "a"));
        await SavedAsync(Two, Save("a", "there, too", root: "before", entry: Entry));
        await ReplayedAsync();
        await RowsAreAsync(("a", "there, too"));
    }

    [Fact]
    public async Task The_row_is_brought_back_as_it_was_when_nothing_is_done_afterwards()
    {
        await BeganAsync();
        await RowIsGoneAsync();
        await SavedAsync(One, Unsure("before"));
        await ReplayedAsync();
        await RowsAreAsync(("a", "before"));
    }

    [Fact]
    public async Task A_row_that_is_there_and_was_changed_since_is_left_alone()
    {
        await BeganAsync();
        await SavedAsync(One, Unsure("before"));
        await Database.ExecuteAsync("UPDATE django_session SET session_data = 'by the other'");
        await ReplayedAsync();
        await RowsAreAsync(("a", "by the other"));
    }

    [Fact]
    public async Task What_was_acknowledged_before_is_not_replaced()
    {
        await BeganAsync();
        await SavedAsync(One, Save("a", "by another request", root: "before", entry: Entry));
        await SavedAsync(One, Unsure("before"));
        await RowIsGoneAsync();
        await ReplayedAsync();
        await RowsAreAsync(("a", "by another request"));
    }

    [Fact]
    public async Task What_another_pod_has_ended_just_before_is_not_brought_back()
    {
        await BeganAsync();
        await SayAsync(Mode.Cache);
        await SavedAsync(One, Save("a", "by another request", root: "before", entry: Entry));
        await TheOtherEndsItAsync();
        Assert.Equal("deleted", await One.OutcomeAsync("/v1/save", Unsure("before")));
        await ReplayedAsync();
        await RowsAreAsync();
    }

    [Fact]
    public async Task What_another_pod_ends_afterwards_is_not_brought_back()
    {
        await BeganAsync();
        await SavedAsync(One, Unsure("before"));
        await RowAnsweredAsync(One, "a", "before");
        await TheOtherEndsItAsync();
        await ReplayedAsync();
        await RowsAreAsync();
    }

    [Fact]
    public async Task A_logout_that_is_tried_again_ends_it()
    {
        await BeganAsync();
        await RowIsGoneAsync();
        await SavedAsync(One, Unsure("before"));
        await SayAsync(Mode.Cache);
        await DeletedAsync(Two, Delete("a", Entry));
        Assert.Equal("deleted", await One.OutcomeAsync("/v1/save", Unsure("before")));
        await ReplayedAsync();
        await RowsAreAsync();
    }
}
