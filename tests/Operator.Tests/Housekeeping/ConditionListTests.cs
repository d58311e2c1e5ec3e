using SessionOperator.Operator.Api;
using SessionOperator.Operator.Housekeeping.Conditions;
using SessionOperator.Operator.Housekeeping.Events;

namespace SessionOperator.Operator.Tests.Housekeeping;

public class ConditionListTests
{
    private static readonly DateTimeOffset s_now = new(2030, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly Subject s_about = new("v1", "Thing", "shop", "orders", "u");

    private static Condition Condition(string status, string reason = "Because", string message = "words", string type = "Probed") =>
        new() { Type = type, Status = status, Reason = reason, Message = message };

    private static IReadOnlyList<Condition> First(params Condition[] judged) => ConditionList.Next(null, judged, 1, s_now)!;

    [Fact]
    public void What_has_not_changed_is_not_written()
    {
        var written = First(Condition("True"), Condition("Unknown", type: "Ready"));
        Assert.Null(ConditionList.Next(written, [Condition("True"), Condition("Unknown", type: "Ready")], 1, s_now.AddHours(1)));
        Assert.Null(ConditionList.Next([.. written.Reverse()], [Condition("True"), Condition("Unknown", type: "Ready")], 1, s_now.AddHours(1)));
        // Judged anew for another spec: the same verdict, another generation.
        Assert.Equal(2, ConditionList.Next(written, [Condition("True"), Condition("Unknown", type: "Ready")], 2, s_now)![0].ObservedGeneration);
    }

    [Fact]
    public void The_time_of_the_transition_changes_with_the_status_and_with_nothing_else()
    {
        var written = First(Condition("False"));
        Assert.Equal(s_now, written[0].LastTransitionTime);
        var reworded = ConditionList.Next(written, [Condition("False", "Other", "other words")], 2, s_now.AddHours(1))!;
        Assert.Equal((s_now, "Other", "other words"), (reworded[0].LastTransitionTime, reworded[0].Reason, reworded[0].Message));
        var turned = ConditionList.Next(reworded, [Condition("True")], 2, s_now.AddHours(2).AddMilliseconds(700))!;
        Assert.Equal(s_now.AddHours(2), turned[0].LastTransitionTime);
    }

    [Fact]
    public void Conditions_of_other_types_stay_and_each_type_is_there_once()
    {
        var written = First(Condition("True"), Condition("True", type: "OfANewerOperator"));
        var next = ConditionList.Next(written, [Condition("False")], 1, s_now)!;
        Assert.Equal(["Probed", "OfANewerOperator"], next.Select(condition => condition.Type));
        Assert.Equal("False", next[0].Status);
    }

    [Fact]
    public void What_goes_wrong_is_told_once_and_so_is_that_it_is_right_again()
    {
        var fine = First(Condition("True"));
        var wrong = ConditionList.Next(fine, [Condition("False", "CredentialsRefused", "web-1: 42501")], 1, s_now.AddHours(1))!;
        var note = Assert.Single(ConditionList.Notes(s_about, fine, wrong));
        Assert.Equal((true, "CredentialsRefused", "Probed: web-1: 42501"), (note.Warning, note.Reason, note.Message));
        var reworded = ConditionList.Next(wrong, [Condition("False", "CredentialsRefused", "web-2: 42501")], 1, s_now.AddHours(2))!;
        Assert.Empty(ConditionList.Notes(s_about, wrong, reworded));
        var other = ConditionList.Next(wrong, [Condition("False", "Saturated")], 1, s_now.AddHours(2))!;
        Assert.Equal("Saturated", Assert.Single(ConditionList.Notes(s_about, wrong, other)).Reason);
        var again = Assert.Single(ConditionList.Notes(s_about, wrong, ConditionList.Next(wrong, [Condition("True", "Probed")], 1, s_now.AddHours(3))!));
        Assert.Equal((false, "Probed"), (again.Warning, again.Reason));
        // Another leader that judges the same names it the same.
        Assert.Equal(EventApi.NameOf(note), EventApi.NameOf(Assert.Single(ConditionList.Notes(s_about, fine, wrong))));
    }

    [Fact]
    public void How_everything_begins_is_no_event_and_transitions_are_told_elsewhere()
    {
        Assert.Empty(ConditionList.Notes(s_about, null, First(Condition("False", "NoSidecars"), Condition("Unknown", "Waiting", type: "PodsFound"))));
        Assert.Empty(ConditionList.Notes(s_about, First(Condition("True", type: "Ready")), First(Condition("False", type: "Ready"))));
        Assert.Single(ConditionList.Notes(s_about, null, First(Condition("False", "NoneMatch"))));
        Assert.Single(ConditionList.Notes(s_about, First(Condition("True")), First(Condition("False", "NoSidecars"))));
    }
}
