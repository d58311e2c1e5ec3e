using SessionOperator.Operator.Api;
using SessionOperator.Operator.Housekeeping.Events;

namespace SessionOperator.Operator.Housekeeping.Conditions;

/// <summary>The list in the status: what it becomes, and what of that is worth an event. Pure.</summary>
public static class ConditionList
{
    /// <summary>Null when nothing is to be written. Conditions of other types, of a newer operator say, stay.</summary>
    /// <param name="written">What is there.</param>
    /// <param name="judged">What should be there, without times.</param>
    /// <param name="generation">Of the spec that was judged.</param>
    /// <param name="now">The time.</param>
    public static IReadOnlyList<Condition>? Next(IReadOnlyList<Condition>? written, IReadOnlyList<Condition> judged, long generation, DateTimeOffset now)
    {
        var before = (written ?? []).GroupBy(condition => condition.Type).ToDictionary(group => group.Key, group => group.First());
        var whole = new DateTimeOffset(now.Ticks - (now.Ticks % TimeSpan.TicksPerSecond), now.Offset);
        var next = judged.Select(condition => condition with
        {
            ObservedGeneration = generation,
            LastTransitionTime = before.TryGetValue(condition.Type, out var old) && old.Status == condition.Status ? old.LastTransitionTime : whole,
        }).ToList();
        var types = judged.Select(condition => condition.Type).ToHashSet();
        next.AddRange(before.Values.Where(condition => !types.Contains(condition.Type)));
        return next.Count == written?.Count && next.All(condition => before.TryGetValue(condition.Type, out var old) && old == condition) ? null : next;
    }

    /// <summary>What went wrong, and what is right again. Ready is left out: transitions tell of it.</summary>
    public static IEnumerable<Note> Notes(Subject about, IReadOnlyList<Condition>? before, IReadOnlyList<Condition> after)
    {
        foreach (var now in after.Where(condition => condition.Type != "Ready"))
        {
            var old = before?.FirstOrDefault(condition => condition.Type == now.Type);
            // That nobody is there yet is how everything begins.
            var begins = old?.Status is null or "Unknown" && now.Reason == "NoSidecars";
            var worse = now.Status == "False" && (old?.Status != "False" || old.Reason != now.Reason) && !begins;
            var better = now.Status == "True" && old?.Status == "False";
            if (worse || better)
            {
                yield return new Note(about, worse, now.Reason, $"{now.Type}: {now.Message}")
                {
                    Key = $"{now.Type} {now.Reason} {now.LastTransitionTime.UtcTicks}",
                };
            }
        }
    }
}
