namespace SessionOperator.Sidecar.Install;

/// <summary>
/// Puts the adapter's files where the app's Python finds them. A Python that starts meanwhile loads all of it or nothing:
/// each file appears whole, and those that Python loads by itself come last.
/// </summary>
internal static class AdapterInstaller
{
    /// <summary>What Python imports by itself when it starts.</summary>
    private const string EntryPoint = "sitecustomize.py";

    private const UnixFileMode FileMode =
        UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    // The app runs as another user.
    private const UnixFileMode FolderMode = FileMode | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <summary>Copies a folder; what is there already is replaced, file by file.</summary>
    /// <returns>How many files.</returns>
    /// <exception cref="IOException">Nothing was left half done that Python would load; the message says what is wrong.</exception>
    public static int Install(string source, string target)
    {
        if (!File.Exists(Path.Combine(source, EntryPoint)))
        {
            throw new IOException($"{source} does not hold the adapter ({EntryPoint} is missing); give the folder that has it");
        }

        try
        {
            MakeFolder(target);
            var files = Directory.GetFiles(source, "*", SearchOption.AllDirectories)
                .Select(file => Path.GetRelativePath(source, file))
                .Where(file => !file.Contains("__pycache__", StringComparison.Ordinal))
                .OrderBy(file => file.EndsWith("customize.py", StringComparison.Ordinal))
                .ToList();
            foreach (var folder in files.Select(file => Path.GetDirectoryName(file)!).Where(folder => folder.Length > 0).Distinct())
            {
                MakeFolder(Path.Combine(target, folder));
            }

            foreach (var file in files)
            {
                Copy(Path.Combine(source, file), Path.Combine(target, file));
            }

            return files.Count;
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            throw new IOException($"the adapter cannot be copied from {source} to {target}: {e.Message}", e);
        }
    }

    private static void Copy(string from, string to)
    {
        var fresh = to + ".new";
        File.Copy(from, fresh, overwrite: true);
        File.SetUnixFileMode(fresh, FileMode);
        File.Move(fresh, to, overwrite: true);
    }

    private static void MakeFolder(string path)
    {
        if (!Directory.Exists(path))
        {
            Directory.CreateDirectory(path);
            File.SetUnixFileMode(path, FolderMode);
        }
    }
}
