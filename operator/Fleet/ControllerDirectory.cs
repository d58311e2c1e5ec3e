namespace SessionOperator.Operator.Fleet;

/// <summary>The controllers by database name ("namespace/name"). Reads take no lock: a change puts a new table in place.</summary>
internal sealed class ControllerDirectory(IEnumerable<DatabaseController> controllers)
{
    private readonly Lock _lock = new();
    private Dictionary<string, DatabaseController> _byName = controllers.ToDictionary(c => c.Database);

    public IReadOnlyCollection<string> Names => Volatile.Read(ref _byName).Keys;

    public IReadOnlyCollection<DatabaseController> All => Volatile.Read(ref _byName).Values;

    /// <summary>
    /// Whether a database that is not served may be so at any moment, since what there is has not been read yet. Not where all are
    /// known from the start.
    /// </summary>
    public Func<string, bool> MayCome { get; set; } = _ => false;

    /// <summary>Null when it is not served (any more).</summary>
    /// <param name="database">"namespace/name".</param>
    public DatabaseController? Find(string database) => Volatile.Read(ref _byName).GetValueOrDefault(database);

    public void Add(DatabaseController controller)
    {
        lock (_lock)
        {
            Volatile.Write(ref _byName, new Dictionary<string, DatabaseController>(_byName) { [controller.Database] = controller });
        }
    }

    public void Remove(string database)
    {
        lock (_lock)
        {
            var rest = new Dictionary<string, DatabaseController>(_byName);
            rest.Remove(database);
            Volatile.Write(ref _byName, rest);
        }
    }
}
