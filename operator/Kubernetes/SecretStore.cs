using System.Net;
using SessionOperator.Operator.Certificates;

namespace SessionOperator.Operator.Kubernetes;

/// <summary>The one Secret the operator may read and write, in its own namespace. Only our keys of it are written; what else is in it stays.</summary>
public sealed class SecretStore(ApiCalls calls, string @namespace, string name, RotationTimes times) : ICertificateStore
{
    private readonly string _folder = $"api/v1/namespaces/{@namespace}/secrets";

    public async Task<StoredCertificates> ReadAsync(CancellationToken cancellation)
    {
        var secret = await Ask("read", async () =>
        {
            try
            {
                return await calls.GetAsync<Secret>($"{_folder}/{name}", cancellation);
            }
            catch (ApiException none) when (none.Status == HttpStatusCode.NotFound)
            {
                return null;
            }
        });
        try
        {
            return new StoredCertificates(secret?.Metadata.ResourceVersion, SecretFormat.Read(secret?.Data, times));
        }
        catch (FormatException wrong)
        {
            throw new CertificateStoreException(
                $"Secret {@namespace}/{name} is not what this operator wrote ({wrong.Message}); delete it and new certificates are made, "
                + "after which pods that are not connected have to be restarted", wrong);
        }
    }

    public Task<bool> TryWriteAsync(string? version, CertificateState next, CancellationToken cancellation) => Ask("write", async () =>
    {
        var data = SecretFormat.Write(next);
        try
        {
            if (version is null)
            {
                await calls.PostAsync<Secret>(_folder, new
                {
                    apiVersion = "v1",
                    kind = "Secret",
                    metadata = new { name, @namespace, labels = new Dictionary<string, string> { ["app.kubernetes.io/name"] = "session-operator" } },
                    type = "Opaque",
                    data,
                }, cancellation);
            }
            else
            {
                await calls.MergeAsync<Secret>($"{_folder}/{name}", new { metadata = new { resourceVersion = version }, data }, cancellation);
            }
            return true;
        }
        catch (ApiException refused) when (refused.Status is HttpStatusCode.Conflict || (version is not null && refused.Status == HttpStatusCode.NotFound))
        {
            return false;
        }
    });

    private async Task<T> Ask<T>(string what, Func<Task<T>> request)
    {
        try
        {
            return await request();
        }
        catch (ApiException refused)
        {
            throw new CertificateStoreException(
                $"the API server does not let us {what} Secret {@namespace}/{name}: {(int)refused.Status} {refused.Message}", refused);
        }
        catch (ApiUnavailableException away)
        {
            throw new CertificateStoreException($"Secret {@namespace}/{name} cannot be reached: {away.Message}", away);
        }
    }

    private sealed record Secret
    {
        public Meta Metadata { get; init; } = new("");

        public Dictionary<string, byte[]>? Data { get; init; }
    }

    private sealed record Meta(string ResourceVersion);
}
