using Microsoft.Extensions.Time.Testing;
using SessionOperator.Operator.Housekeeping.Events;

namespace SessionOperator.Operator.Tests.Housekeeping;

public class EventBudgetTests
{
    private readonly FakeTimeProvider _time = new();

    private static Note Note(string uid = "1", string reason = "Unwritable") =>
        new(new Subject("v1", "Thing", "shop", "orders", uid), true, reason, "words");

    [Fact]
    public void A_flapping_database_gets_a_few_at_once_then_one_a_minute_and_none_is_left_out_unsaid()
    {
        var budget = new EventBudget(_time);
        for (var i = 0; i < EventBudget.Burst; i++)
        {
            Assert.True(budget.Take(Note(), out var none));
            Assert.Equal(0, none);
        }
        int written = 0, said = 0;
        // Six an hour's half: one every ten seconds.
        for (var i = 0; i < 180; i++)
        {
            _time.Advance(TimeSpan.FromSeconds(10));
            if (budget.Take(Note(), out var leftOut))
            {
                written++;
                said += leftOut;
            }
        }
        Assert.InRange(written, 29, 31);
        Assert.InRange(written + said, 174, 180);
    }

    [Fact]
    public void Other_reasons_and_other_objects_are_not_kept_waiting()
    {
        var budget = new EventBudget(_time);
        while (budget.Take(Note(), out _))
        {
        }
        Assert.True(budget.Take(Note(reason: "ChangesDropped"), out _));
        Assert.True(budget.Take(Note(uid: "2"), out _));
        Assert.False(budget.Take(Note(), out _));
    }

    [Fact]
    public void After_quiet_times_there_is_room_again()
    {
        var budget = new EventBudget(_time);
        while (budget.Take(Note(), out _))
        {
        }
        _time.Advance(TimeSpan.FromHours(1));
        for (var i = 0; i < EventBudget.Burst; i++)
        {
            Assert.True(budget.Take(Note(), out _));
        }
        Assert.False(budget.Take(Note(), out _));
    }
}
