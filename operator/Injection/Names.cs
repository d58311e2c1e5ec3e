namespace SessionOperator.Operator.Injection;

/// <summary>What is called how inside an injected pod. Sidecar image and chart rely on some of these.</summary>
public static class Names
{
    /// <summary>The sidecar's container; a pod that has it is injected.</summary>
    public const string Sidecar = "session-operator";

    /// <summary>The init container that writes the adapter where the server has no native sidecars.</summary>
    public const string Installer = "session-operator-install";

    /// <summary>The port of the sidecar's metrics.</summary>
    public const string MetricsPort = "so-metrics";

    /// <summary>The sidecar program in its image.</summary>
    public const string Program = "/SessionOperator.Sidecar";

    /// <summary>The adapter's files in the sidecar's image.</summary>
    public const string AdapterSource = "/adapter";

    /// <summary>Mode page, socket and adapter: shared by the pod's containers, in memory.</summary>
    public const string RuntimeVolume = "session-operator";

    /// <summary>Where the runtime volume is mounted, in every container that has it.</summary>
    public const string RuntimeDirectory = "/run/session-operator";

    /// <summary>The adapter's folder, for PYTHONPATH.</summary>
    public const string AdapterDirectory = RuntimeDirectory + "/adapter";

    /// <summary>The journal's volume; it lives as long as the pod.</summary>
    public const string JournalVolume = "session-operator-journal";

    /// <summary>Where the journal's volume is mounted.</summary>
    public const string JournalDirectory = "/var/lib/session-operator";

    /// <summary>Token and certificate authority.</summary>
    public const string IdentityVolume = "session-operator-identity";

    /// <summary>
    /// Where they are mounted, in our containers only. It is the place where Kubernetes would otherwise mount the pod's own
    /// token: the sidecar never gets one that the API server accepts.
    /// </summary>
    public const string IdentityDirectory = "/var/run/secrets/kubernetes.io/serviceaccount";

    /// <summary>Whom the sidecar's token is for.</summary>
    public const string TokenAudience = Fleet.IdentityCheck.Audience;

    /// <summary>The file with the authorities that vouch for the operator.</summary>
    public const string AuthoritiesFile = "ca.crt";

    /// <summary>Where a container's own PYTHONPATH is kept when it comes from another object.</summary>
    public const string KeptPythonPath = "SESSION_OPERATOR_APP_PYTHONPATH";
}
