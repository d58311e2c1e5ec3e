namespace SessionOperator.Sidecar.Sessions;

/// <summary>
/// Whether an app of this pod has loaded the adapter. It says so once, when it starts, so a file remembers it for a sidecar
/// that is started again; the folder goes with the pod.
/// </summary>
internal sealed class AdapterPresence(string directory)
{
    private readonly string _file = Path.Combine(directory, "loaded");
    private volatile bool _inPlace = File.Exists(Path.Combine(directory, "loaded"));

    public bool InPlace => _inPlace;

    /// <exception cref="IOException">The file cannot be written; the presence holds for as long as this process.</exception>
    public void Note()
    {
        if (_inPlace)
        {
            return;
        }

        _inPlace = true;
        File.WriteAllBytes(_file, []);
    }
}
