using System.Text.Json.Nodes;
using SessionOperator.Operator.Api;
using SessionOperator.Operator.Injection;

namespace SessionOperator.Operator.Workloads;

/// <summary>Something about a workload's annotations that its owner should know.</summary>
/// <param name="Reason">One word, stable.</param>
/// <param name="Message">What is wrong, and what to write instead.</param>
public sealed record Remark(string Reason, string Message);

/// <summary>Finds annotations that do not do what they seem to. Pure.</summary>
public static class Remarks
{
    private static readonly IReadOnlyList<string> s_known = [.. Annotations.Carried, Annotations.HealedAt];

    /// <param name="workload">As it is.</param>
    /// <param name="around">Of its namespace.</param>
    /// <param name="settings">The operator's namespace counts.</param>
    public static IReadOnlyList<Remark> On(Workload workload, Surroundings around, InjectionSettings settings)
    {
        var found = new List<Remark>();
        // The chart writes some of its own there.
        var odd = workload.Meta.Namespace == settings.OwnNamespace ? [] : workload.Asked.Keys.Concat(workload.Template.Keys).Except(s_known).Concat(workload.Astray);
        foreach (var key in odd)
        {
            found.Add(Unknown(key));
        }
        if (Refusal(workload, around, settings) is { } refusal)
        {
            found.Add(refusal);
        }
        return found;
    }

    private static Remark Unknown(string key)
    {
        var near = Nearest.To(key[(key.IndexOf('/', StringComparison.Ordinal) + 1)..], Annotations.Carried.Select(known => known[Annotations.Prefix.Length..]));
        return new Remark("UnknownAnnotation", $"{Fleet.Checks.Line(key, 100)} means nothing: "
            + (near is null ? $"the annotations are {string.Join(", ", Annotations.Carried)}" : $"do you mean {Annotations.Prefix}{near}?"));
    }

    /// <summary>What the webhook would say of each of its pods, as far as that depends on annotations.</summary>
    private static Remark? Refusal(Workload workload, Surroundings around, InjectionSettings settings)
    {
        var annotations = new JsonObject();
        foreach (var (key, value) in workload.Asked.Concat(workload.Template).Where(pair => pair.Key != Annotations.Containers))
        {
            annotations[key] = value;
        }
        var pod = new JsonObject
        {
            ["metadata"] = new JsonObject { ["annotations"] = annotations },
            // Which containers there are is the pods' business.
            ["spec"] = new JsonObject { ["containers"] = new JsonArray(new JsonObject { ["name"] = "app" }) },
        };
        try
        {
            Intent.Of(pod, around, settings);
            return null;
        }
        catch (SkipException skip)
        {
            return skip.Reason is SkipReason.NotAsked or SkipReason.OptedOut ? null : new Remark(skip.Reason.ToString(), skip.Message);
        }
    }
}
