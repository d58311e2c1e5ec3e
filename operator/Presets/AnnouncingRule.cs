using System.Collections.Immutable;
using System.Text.Json;
using SessionOperator.Operator.Kubernetes.Watching;

namespace SessionOperator.Operator.Presets;

/// <summary>One state of an object that announces.</summary>
/// <param name="Says">Completes "the cluster ...".</param>
/// <param name="Holds">How long the announced event is waited for if nothing confirms it.</param>
/// <param name="Condition">When it is so.</param>
/// <param name="Unless">An annotation whose presence makes it untrue; empty for none.</param>
public sealed record AnnouncingRule(string Says, TimeSpan Holds, RuleCondition Condition, string Unless)
{
    public bool IsTrueOf(JsonElement source) =>
        Condition.IsTrueOf(source) && (Unless.Length == 0 || Annotation(source, Unless).Length == 0);

    internal static string Annotation(JsonElement source, string key) => source.At("metadata", "annotations").Text(key) ?? "";
}

/// <summary>A question to an object. A field that is missing or empty has no value.</summary>
public abstract record RuleCondition
{
    public abstract bool IsTrueOf(JsonElement source);

    private static string Value(JsonElement source, ImmutableArray<string> path) => source.At(path.AsSpan()) switch
    {
        { ValueKind: JsonValueKind.String } text => text.GetString()!,
        { ValueKind: JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False } other => other.GetRawText(),
        _ => "",
    };

    private static bool IsIn(string value, ImmutableHashSet<string> values) => value.Length > 0 && (values.Count == 0 || values.Contains(value));

    /// <summary>Both have a value, and not the same.</summary>
    public sealed record Differ(ImmutableArray<string> One, ImmutableArray<string> Other) : RuleCondition
    {
        public override bool IsTrueOf(JsonElement source) =>
            (Value(source, One), Value(source, Other)) is ({ Length: > 0 } one, { Length: > 0 } other) && one != other;
    }

    /// <summary>The field has one of the values; any value when none is named.</summary>
    public sealed record Field(ImmutableArray<string> Path, ImmutableHashSet<string> In) : RuleCondition
    {
        public override bool IsTrueOf(JsonElement source) => IsIn(Value(source, Path), In);
    }

    /// <summary>The annotation has one of the values; any value when none is named.</summary>
    public sealed record Annotated(string Key, ImmutableHashSet<string> In) : RuleCondition
    {
        public override bool IsTrueOf(JsonElement source) => IsIn(AnnouncingRule.Annotation(source, Key), In);
    }

    /// <summary>status.conditions has that type with that status and, where reasons are named, one of them.</summary>
    public sealed record Conditioned(string Type, string Status, ImmutableHashSet<string> Reasons) : RuleCondition
    {
        public override bool IsTrueOf(JsonElement source) => source.At("status").Items("conditions").Any(condition =>
            condition.Text("type") == Type && condition.Text("status") == Status
            && (Reasons.Count == 0 || Reasons.Contains(condition.Text("reason") ?? "")));
    }
}
