using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace SessionOperator.Operator.Certificates;

/// <summary>
/// What the operator's TLS ports show from the next handshake on, and the bundle that verifies it. Replaced as a whole, so
/// rotation needs no restart and ends no connection.
/// </summary>
public sealed class ServedCertificate(TimeProvider time) : ICertificateBundle
{
    private readonly Lock _lock = new();
    private readonly List<Action<string>> _subscribers = [];
    private volatile Served? _served;

    public string Pem => _served?.Bundle ?? "";

    /// <summary>There is a certificate, and it has not ended.</summary>
    public bool IsReady => _served is { } served && time.GetUtcNow() < served.EndsAt;

    /// <summary>What a handshake is answered with; null before there is a certificate.</summary>
    public SslStreamCertificateContext? Context => _served?.Context;

    /// <param name="certificate">PEM: the certificate, then those between it and its authority.</param>
    /// <param name="key">PEM of its key.</param>
    /// <param name="bundle">PEM of the authorities to trust.</param>
    /// <exception cref="System.Security.Cryptography.CryptographicException">These cannot be read.</exception>
    /// <exception cref="ArgumentException">The key is not the certificate's, or there is none.</exception>
    public void Use(string certificate, string key, string bundle)
    {
        Action<string>[] notify = [];
        lock (_lock)
        {
            if (_served is { } now && now.Certificate == certificate && now.Bundle == bundle)
            {
                return;
            }
            if (_served?.Bundle != bundle)
            {
                notify = [.. _subscribers];
            }
            _served = _served is { } same && same.Certificate == certificate
                ? same with { Bundle = bundle }
                : Load(certificate, key, bundle);
        }
        foreach (var changed in notify)
        {
            changed(bundle);
        }
    }

    public IDisposable Subscribe(Action<string> changed)
    {
        lock (_lock)
        {
            _subscribers.Add(changed);
        }
        return new Subscription(() =>
        {
            lock (_lock)
            {
                _subscribers.Remove(changed);
            }
        });
    }

    private static Served Load(string certificate, string key, string bundle)
    {
        var leaf = X509Certificate2.CreateFromPem(certificate, key);
        var between = new X509Certificate2Collection();
        between.ImportFromPem(certificate);
        between.RemoveAt(0);
        // Made once a rotation, not once a handshake; offline, because nothing is to be fetched from anywhere.
        var context = SslStreamCertificateContext.Create(leaf, between, offline: true);
        return new Served(certificate, bundle, context, leaf.NotAfter.ToUniversalTime());
    }

    private sealed record Served(string Certificate, string Bundle, SslStreamCertificateContext Context, DateTimeOffset EndsAt);

    private sealed class Subscription(Action end) : IDisposable
    {
        public void Dispose() => end();
    }
}
