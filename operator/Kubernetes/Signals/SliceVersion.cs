using System.Net;
using SessionOperator.Operator.Kubernetes.Watching;

namespace SessionOperator.Operator.Kubernetes.Signals;

/// <summary>Which version of EndpointSlice a server has: v1 from 1.21 on, v1beta1 before 1.25.</summary>
public static class SliceVersion
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(1);

    /// <summary>Asks until the server answers.</summary>
    public static async Task<ResourceKind> FindAsync(ApiTransport transport, CancellationToken cancellation)
    {
        while (true)
        {
            if (await TryAsync(transport, cancellation) is { } kind)
            {
                return kind;
            }
            await Task.Delay(s_pause, cancellation);
        }
    }

    private static async Task<ResourceKind?> TryAsync(ApiTransport transport, CancellationToken cancellation)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        deadline.CancelAfter(s_deadline);
        try
        {
            using var answer = await transport.GetAsync("apis/discovery.k8s.io/v1", deadline.Token);
            return answer.StatusCode switch
            {
                HttpStatusCode.OK => ResourceKind.EndpointSlices,
                HttpStatusCode.NotFound => ResourceKind.EndpointSlicesBeta,
                _ => null,
            };
        }
        catch (Exception away) when (away is HttpRequestException or IOException or OperationCanceledException && !cancellation.IsCancellationRequested)
        {
            // The watches say what is wrong with the server; here it is only asked again.
            return null;
        }
    }
}
