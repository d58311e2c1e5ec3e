using System.Globalization;
using System.Net;
using SessionOperator.Operator.Kubernetes;

namespace SessionOperator.Operator.Housekeeping.Leases;

/// <summary>A Lease of coordination.k8s.io/v1, which the chart makes. Needs the rights to get and update it; to create leases where nobody has made it.</summary>
public sealed class LeaseStore(ApiCalls calls, string @namespace, string name) : ILeaseStore
{
    private readonly string _folder = $"apis/coordination.k8s.io/v1/namespaces/{@namespace}/leases";

    public async Task<StoredLease?> ReadAsync(CancellationToken cancellation)
    {
        try
        {
            return Read(await calls.GetAsync<Lease>($"{_folder}/{name}", cancellation));
        }
        catch (ApiException none) when (none.Status == HttpStatusCode.NotFound)
        {
            return null;
        }
        catch (Exception away) when (away is ApiException or ApiUnavailableException)
        {
            throw Unavailable("read", away);
        }
    }

    public async Task<StoredLease?> TryWriteAsync(string? version, LeaseRecord next, CancellationToken cancellation)
    {
        var lease = new Lease
        {
            Metadata = new Meta { Name = name, Namespace = @namespace, ResourceVersion = version },
            Spec = new Spec
            {
                HolderIdentity = next.Holder,
                LeaseDurationSeconds = (int)next.Duration.TotalSeconds,
                AcquireTime = Micro(next.AcquiredAt),
                RenewTime = Micro(next.RenewedAt),
                LeaseTransitions = next.Transitions,
            },
        };
        try
        {
            return Read(version is null
                ? await calls.PostAsync<Lease>(_folder, lease, cancellation)
                : await calls.PutAsync<Lease>($"{_folder}/{name}", lease, cancellation));
        }
        catch (ApiException first) when (first.Status is HttpStatusCode.Conflict || (version is not null && first.Status == HttpStatusCode.NotFound))
        {
            return null;
        }
        catch (Exception away) when (away is ApiException or ApiUnavailableException)
        {
            throw Unavailable("write", away);
        }
    }

    private static StoredLease Read(Lease lease) => new(lease.Metadata.ResourceVersion ?? "", new LeaseRecord(
        lease.Spec?.HolderIdentity ?? "",
        // One without a duration was written by somebody else; it must not be taken too soon.
        TimeSpan.FromSeconds(lease.Spec?.LeaseDurationSeconds is > 0 and var seconds ? seconds : 60),
        Time(lease.Spec?.AcquireTime), Time(lease.Spec?.RenewTime), lease.Spec?.LeaseTransitions ?? 0));

    private LeaseUnavailableException Unavailable(string what, Exception why) => new(
        why is ApiException { Status: HttpStatusCode.Forbidden }
            ? $"the operator may not {what} Lease {@namespace}/{name}; give its service account get and update on it, and make it where the chart has not ({why.Message})"
            : $"Lease {@namespace}/{name} could not be {(what == "read" ? "read" : "written")}: {why.Message}", why);

    /// <summary>The API server takes exactly six digits.</summary>
    private static string Micro(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);

    private static DateTimeOffset Time(string? text) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : default;

    private sealed record Lease
    {
        public string ApiVersion { get; init; } = "coordination.k8s.io/v1";

        public string Kind { get; init; } = "Lease";

        public Meta Metadata { get; init; } = new();

        public Spec? Spec { get; init; }
    }

    private sealed record Meta
    {
        public string Name { get; init; } = "";

        public string Namespace { get; init; } = "";

        public string? ResourceVersion { get; init; }
    }

    private sealed record Spec
    {
        public string? HolderIdentity { get; init; }

        public int? LeaseDurationSeconds { get; init; }

        public string? AcquireTime { get; init; }

        public string? RenewTime { get; init; }

        public int? LeaseTransitions { get; init; }
    }
}
