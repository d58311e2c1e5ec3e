namespace SessionOperator.Sidecar.Journal;

/// <summary>What stands between a record and changes of the session that it knows nothing of.</summary>
internal enum Fence
{
    /// <summary>This sidecar has been there since the record was made, and its mode was never Normal.</summary>
    Whole,

    /// <summary>The sidecar was down for a while; its app went on alone, and notes a logout in the cache.</summary>
    Restarted,

    /// <summary>The mode has been Normal: the app may have saved or ended the session without a trace here.</summary>
    Passed,
}
