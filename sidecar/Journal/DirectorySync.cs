using System.Runtime.InteropServices;

namespace SessionOperator.Sidecar.Journal;

/// <summary>fsync(2) on a directory, which makes a rename in it survive a power loss; .NET opens no directories.</summary>
internal static partial class DirectorySync
{
    private const int ReadOnlyDirectory = 0x10000; // O_RDONLY | O_DIRECTORY, Linux x86-64 and arm64 agree on the first, below on the second

    public static void Flush(string directory)
    {
        var flags = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x4000 : ReadOnlyDirectory;
        var handle = Open(directory, flags);
        if (handle < 0)
        {
            throw new IOException($"cannot open {directory} to sync it: errno {Marshal.GetLastPInvokeError()}");
        }

        try
        {
            if (Fsync(handle) != 0)
            {
                throw new IOException($"cannot sync {directory}: errno {Marshal.GetLastPInvokeError()}");
            }
        }
        finally
        {
            _ = Close(handle);
        }
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Fsync(int handle);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int handle);
}
