using System.Security.Cryptography.X509Certificates;
using SessionOperator.Operator.Certificates;

namespace SessionOperator.Operator.Tests.Certificates;

/// <summary>A client that trusts a bundle and nothing else.</summary>
internal static class Verifier
{
    /// <summary>Null when the bundle verifies the certificate for the name at that time; otherwise why not.</summary>
    public static string? Problem(string bundle, string certificate, string name, DateTimeOffset at)
    {
        using var shown = X509Certificate2.CreateFromPem(certificate);
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationTimeIgnored = false;
        chain.ChainPolicy.VerificationTime = at.UtcDateTime;
        chain.ChainPolicy.ApplicationPolicy.Add(new System.Security.Cryptography.Oid("1.3.6.1.5.5.7.3.1"));
        chain.ChainPolicy.CustomTrustStore.ImportFromPem(bundle);
        return !chain.Build(shown) ? string.Join("; ", chain.ChainStatus.Select(status => status.StatusInformation.Trim()))
            : shown.MatchesHostname(name) ? null
            : $"not valid for {name}";
    }
}

/// <summary>A store as etcd is one: versions grow, and a write must name the one it replaces.</summary>
internal sealed class MemoryStore : ICertificateStore
{
    private readonly Lock _lock = new();
    private StoredCertificates _stored = new(null, CertificateState.Empty);
    private int _version;

    /// <summary>The next requests fail.</summary>
    public bool Away { get; set; }

    public int Writes => _version;

    public CertificateState State => _stored.State;

    /// <summary>Runs inside the next write, before it: somebody else's.</summary>
    public Action? BeforeWrite { get; set; }

    public Task<StoredCertificates> ReadAsync(CancellationToken cancellation) => Away
        ? throw new CertificateStoreException("away")
        : Task.FromResult(_stored);

    public Task<bool> TryWriteAsync(string? version, CertificateState next, CancellationToken cancellation)
    {
        var before = BeforeWrite;
        BeforeWrite = null;
        before?.Invoke();
        lock (_lock)
        {
            if (Away)
            {
                throw new CertificateStoreException("away");
            }
            if (version != _stored.Version)
            {
                return Task.FromResult(false);
            }
            _stored = new StoredCertificates($"{++_version}", next);
            return Task.FromResult(true);
        }
    }
}
