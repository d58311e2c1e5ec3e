using System.Text.Json.Nodes;
using SessionOperator.Operator.Api;

namespace SessionOperator.Operator.Injection;

/// <summary>What the annotations of pod and namespace ask for.</summary>
/// <param name="Database">The SessionDatabase, in the pod's namespace.</param>
/// <param name="Containers">Indices of the containers that get the adapter.</param>
/// <param name="PythonPath">What the app's image has in PYTHONPATH by itself; null when nobody says.</param>
/// <param name="FailFast">The app's own queries fail at once while its database does not answer.</param>
internal sealed record Intent(string Database, IReadOnlyList<int> Containers, string? PythonPath, bool FailFast)
{
    private const string DefaultContainer = "kubectl.kubernetes.io/default-container";

    /// <exception cref="SkipException">Nothing is asked for, or not in a way that can be followed.</exception>
    public static Intent Of(JsonObject pod, Surroundings around, InjectionSettings settings)
    {
        var own = Json.Annotation(pod, Annotations.Database) is { Length: > 0 } named ? named : null;
        var inject = Json.Annotation(pod, Annotations.Inject);
        if (own is null && around.NamespaceDatabase is null)
        {
            throw new SkipException(SkipReason.NotAsked, "");
        }
        if (around.Namespace == "kube-system" || around.Namespace == settings.OwnNamespace)
        {
            throw new SkipException(SkipReason.ProtectedNamespace, $"pods of {around.Namespace} are never injected; run the app in a namespace of its own");
        }
        switch (inject)
        {
            case null or "true":
                break;
            case "false" when own is null:
                throw new SkipException(SkipReason.OptedOut, "");
            case "false":
                throw new SkipException(SkipReason.ContradictoryAnnotations, $"{Annotations.Database} asks for the injection and {Annotations.Inject}: \"false\" forbids it; remove one of them");
            default:
                throw new SkipException(SkipReason.MalformedAnnotation, $"{Annotations.Inject} is \"{inject}\"; write \"false\", or remove it");
        }
        return new Intent(DatabaseName(own ?? around.NamespaceDatabase!, around), Chosen(pod), Json.Annotation(pod, Annotations.PythonPath), WantsFailFast(pod));
    }

    private static bool WantsFailFast(JsonObject pod) => Json.Annotation(pod, Annotations.FailFast) switch
    {
        null or "false" => false,
        "true" => true,
        var other => throw new SkipException(SkipReason.MalformedAnnotation, $"{Annotations.FailFast} is \"{other}\"; write \"true\", or remove it"),
    };

    private static string DatabaseName(string reference, Surroundings around)
    {
        var parts = reference.Split('/');
        if (parts.Length > 2 || !parts.All(KubernetesName.IsSubdomain))
        {
            throw new SkipException(SkipReason.MalformedAnnotation, $"{Annotations.Database} is \"{reference}\"; write the name of a SessionDatabase in namespace {around.Namespace}");
        }
        if (parts.Length == 2 && parts[0] != around.Namespace)
        {
            throw new SkipException(
                SkipReason.DatabaseInOtherNamespace,
                $"{Annotations.Database} names {reference}, and the pod is in {around.Namespace}; make a SessionDatabase in {around.Namespace} that describes the same database, and write its name");
        }
        var name = parts[^1];
        return around.Databases is null || around.Databases.Contains(name) ? name : throw new SkipException(
            SkipReason.UnknownDatabase, $"there is no SessionDatabase {name} in namespace {around.Namespace}; {Suggest(name, around.Databases)}");
    }

    private static string Suggest(string name, IReadOnlySet<string> known) => Nearest.To(name, known) switch
    {
        { } near => $"do you mean {near}?",
        null when known.Count == 0 => "there is none at all: create it first",
        null => $"there is: {string.Join(", ", known.Order(StringComparer.Ordinal).Take(5))}",
    };

    private static IReadOnlyList<int> Chosen(JsonObject pod)
    {
        var there = Json.Names(pod, "containers").ToList();
        if (Json.Annotation(pod, Annotations.Containers) is not { } wanted)
        {
            // A mesh may have put its proxy first and said which container is the app.
            var index = Json.Annotation(pod, DefaultContainer) is { } named ? there.IndexOf(named) : 0;
            return [Math.Max(index, 0)];
        }
        var chosen = wanted.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Distinct().ToList();
        if (chosen.Count == 0)
        {
            throw new SkipException(SkipReason.MalformedAnnotation, $"{Annotations.Containers} is empty; write names of containers separated by commas, or remove it for the first one");
        }
        foreach (var name in chosen.Where(name => !there.Contains(name)))
        {
            throw new SkipException(SkipReason.UnknownContainer, $"{Annotations.Containers} names \"{name}\"; the pod has {string.Join(", ", there)}");
        }
        return [.. chosen.Select(name => there.IndexOf(name)).Order()];
    }
}
