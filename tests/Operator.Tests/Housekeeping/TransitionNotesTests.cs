using SessionOperator.Operator.Api;
using SessionOperator.Operator.Housekeeping.Events;

namespace SessionOperator.Operator.Tests.Housekeeping;

public class TransitionNotesTests
{
    private static readonly DateTimeOffset s_now = new(2030, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private static SessionDatabase Database(
        ulong epoch, Phase phase, Mode mode, string cause = "Confirmed", int secondsAgo = 0, AnnouncedBasis? announced = null, int? outageSince = null,
        string uid = "u", string? drill = null, LastOutage? outage = null) => new()
        {
            Metadata = new ResourceMetadata
            {
                Namespace = "shop",
                Name = "orders-db",
                Uid = uid,
                Annotations = drill is null ? new Dictionary<string, string>() : new Dictionary<string, string> { [Annotations.Drill] = drill },
            },
            Status = new SessionDatabaseStatus
            {
                Phase = phase,
                Mode = mode,
                Epoch = epoch,
                Reason = "because",
                Since = s_now.AddSeconds(-secondsAgo),
                LastOutage = outage,
                Basis = new DecisionBasis { Cause = cause, Announced = announced, OutageSince = outageSince is { } ago ? s_now.AddSeconds(-ago) : null },
            },
        };

    private static List<Note> Between(SessionDatabase? before, SessionDatabase after) =>
        [.. TransitionNotes.Between(before, after, s_now, TimeSpan.FromMinutes(10))];

    private static readonly SessionDatabase s_normal = Database(4, Phase.Writable, Mode.Normal);

    [Fact]
    public void An_outage_is_told_from_its_beginning_to_its_end()
    {
        var down = Database(5, Phase.Unwritable, Mode.Cache, outageSince: 43);
        var drain = Database(6, Phase.Recovering, Mode.Drain, outageSince: 43);
        var back = Database(7, Phase.Writable, Mode.Normal);
        var notes = Between(s_normal, down).Concat(Between(down, drain)).Concat(Between(drain, back)).ToList();
        Assert.Equal(["Unwritable", "Draining", "Normal"], notes.Select(note => note.Reason));
        Assert.Equal([true, false, false], notes.Select(note => note.Warning));
        Assert.Equal("the database takes no session writes, apps are told Cache (epoch 5): because", notes[0].Message);
        Assert.Contains("after 43 s without", notes[2].Message, StringComparison.Ordinal);
        Assert.Equal(new Subject("sessionoperator.dev/v1alpha1", "SessionDatabase", "shop", "orders-db", "u"), notes[0].About);
        Assert.Equal(3, notes.Select(EventApi.NameOf).Distinct().Count());
    }

    [Fact]
    public void What_changes_without_an_epoch_is_no_transition()
    {
        Assert.Empty(Between(s_normal, s_normal with { Status = s_normal.Status! with { Sidecars = 3 } }));
        // Another replica's answer may come late.
        Assert.Empty(Between(s_normal, Database(3, Phase.Unwritable, Mode.Cache)));
    }

    [Fact]
    public void Who_takes_over_tells_what_was_decided_meanwhile_under_the_same_name_and_nothing_old()
    {
        var down = Database(5, Phase.Unwritable, Mode.Cache, secondsAgo: 60);
        Assert.Equal(EventApi.NameOf(Assert.Single(Between(s_normal, down))), EventApi.NameOf(Assert.Single(Between(null, down))));
        Assert.Empty(Between(null, Database(5, Phase.Unwritable, Mode.Cache, secondsAgo: 601)));
        Assert.Empty(Between(null, Database(0, Phase.Unknown, Mode.Normal)));
    }

    [Fact]
    public void The_same_epoch_of_a_database_that_was_made_anew_is_another_event()
    {
        var again = Database(4, Phase.Unwritable, Mode.Cache, uid: "v");
        Assert.NotEqual(
            EventApi.NameOf(Assert.Single(Between(s_normal, again))),
            EventApi.NameOf(Assert.Single(Between(null, Database(4, Phase.Unwritable, Mode.Cache)))));
    }

    [Theory]
    [InlineData("sessiondatabase/orders-db drill", "Drill")]
    [InlineData("sessiondatabase/orders-db maintenance", "Maintenance")]
    public void A_rehearsal_is_no_warning(string reporter, string reason)
    {
        var held = new AnnouncedBasis { Reporter = reporter, Holds = true };
        var note = Assert.Single(Between(s_normal, Database(5, Phase.Unwritable, Mode.Cache, "Announced", announced: held)));
        Assert.Equal((false, reason), (note.Warning, note.Reason));
        // Another cause is a real outage, whatever is announced besides.
        note = Assert.Single(Between(s_normal, Database(5, Phase.Unwritable, Mode.Cache, "Confirmed", announced: held)));
        Assert.Equal((true, "Unwritable"), (note.Warning, note.Reason));
    }

    [Fact]
    public void Changes_that_were_dropped_are_told_when_there_are_more_of_them()
    {
        var outage = new LastOutage { From = s_now, Lost = 2 };
        var (two, three) = (s_normal with { Status = s_normal.Status! with { LastOutage = outage } }, s_normal with { Status = s_normal.Status! with { LastOutage = outage with { Lost = 3 } } });
        Assert.Empty(Between(two, two));
        var note = Assert.Single(Between(two, three));
        Assert.Equal((true, "ChangesDropped"), (note.Warning, note.Reason));
        Assert.StartsWith("3 session changes of the outage since 2030-01-01T12:00:00Z", note.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_drill_that_cannot_be_held_is_refused_once_with_what_to_write()
    {
        var wrong = Database(4, Phase.Writable, Mode.Normal, drill: "half an hour");
        var note = Assert.Single(Between(s_normal, wrong));
        Assert.Equal("DrillRefused", note.Reason);
        Assert.Contains("such as 30s", note.Message, StringComparison.Ordinal);
        Assert.Empty(Between(wrong, wrong with { Status = wrong.Status! with { Sidecars = 3 } }));
        Assert.Empty(Between(s_normal, Database(4, Phase.Writable, Mode.Normal, drill: "30s")));
    }
}
