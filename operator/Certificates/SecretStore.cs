using System.Net;
using k8s;
using k8s.Autorest;
using k8s.Models;

namespace SessionOperator.Operator.Certificates;

/// <summary>The one Secret the operator may read and write, in its own namespace.</summary>
public sealed class SecretStore(IKubernetes kubernetes, string @namespace, string name, RotationTimes times) : ICertificateStore
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(10);
    private V1Secret? _read;

    public async Task<StoredCertificates> ReadAsync(CancellationToken cancellation)
    {
        _read = await Ask("read", async deadline =>
        {
            try
            {
                return await kubernetes.CoreV1.ReadNamespacedSecretAsync(name, @namespace, cancellationToken: deadline);
            }
            catch (HttpOperationException refused) when (refused.Response.StatusCode == HttpStatusCode.NotFound)
            {
                return null;
            }
        }, cancellation);
        try
        {
            return new StoredCertificates(_read?.Metadata.ResourceVersion, SecretFormat.Read(_read?.Data, times));
        }
        catch (FormatException wrong)
        {
            throw new CertificateStoreException(
                $"Secret {@namespace}/{name} is not what this operator wrote ({wrong.Message}); delete it and new certificates are made, "
                + "after which pods that are not connected have to be restarted", wrong);
        }
    }

    public Task<bool> TryWriteAsync(string? version, CertificateState next, CancellationToken cancellation) => Ask("write", async deadline =>
    {
        // What else is in it - labels, annotations, keys of others - stays.
        var secret = version is null || _read is null ? New() : _read;
        secret.Metadata.ResourceVersion = version;
        secret.Data = new Dictionary<string, byte[]>(secret.Data ?? new Dictionary<string, byte[]>());
        foreach (var (key, value) in SecretFormat.Write(next))
        {
            secret.Data[key] = value;
        }
        try
        {
            _read = version is null
                ? await kubernetes.CoreV1.CreateNamespacedSecretAsync(secret, @namespace, cancellationToken: deadline)
                : await kubernetes.CoreV1.ReplaceNamespacedSecretAsync(secret, name, @namespace, cancellationToken: deadline);
            return true;
        }
        catch (HttpOperationException refused) when (
            refused.Response.StatusCode is HttpStatusCode.Conflict || (version is not null && refused.Response.StatusCode == HttpStatusCode.NotFound))
        {
            return false;
        }
    }, cancellation);

    private V1Secret New() => new()
    {
        Metadata = new V1ObjectMeta
        {
            Name = name,
            NamespaceProperty = @namespace,
            Labels = new Dictionary<string, string> { ["app.kubernetes.io/name"] = "session-operator" },
        },
        Type = "Opaque",
    };

    private async Task<T> Ask<T>(string what, Func<CancellationToken, Task<T>> request, CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(s_deadline);
        try
        {
            return await request(deadline.Token);
        }
        catch (HttpOperationException refused)
        {
            throw new CertificateStoreException(
                $"the API server does not let us {what} Secret {@namespace}/{name}: {(int)refused.Response.StatusCode} {refused.Response.ReasonPhrase}", refused);
        }
        catch (Exception away) when (away is HttpRequestException or IOException || (away is OperationCanceledException && !cancellation.IsCancellationRequested))
        {
            throw new CertificateStoreException($"Secret {@namespace}/{name} cannot be reached: {away.Message}", away);
        }
    }
}
