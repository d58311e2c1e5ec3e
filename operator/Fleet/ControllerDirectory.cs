namespace SessionOperator.Operator.Fleet;

/// <summary>The controllers by database name ("namespace/name").</summary>
internal sealed class ControllerDirectory(IEnumerable<DatabaseController> controllers)
{
    private readonly Dictionary<string, DatabaseController> _byName = controllers.ToDictionary(c => c.Database);

    public IReadOnlyCollection<string> Names => _byName.Keys;

    public IReadOnlyCollection<DatabaseController> All => _byName.Values;

    /// <param name="database">One of <see cref="Names"/>.</param>
    public DatabaseController Find(string database) => _byName[database];
}
