using System.Diagnostics;
using System.Threading.Channels;
using k8s;

namespace SessionOperator.Benchmarks;

/// <summary>Anchor: from a write to the API server until a bare watch has read the event, with nobody else watching.</summary>
internal static class WatchLatency
{
    public static async Task<Samples> MeasureAsync(Cluster cluster, int rounds)
    {
        using var stopping = new CancellationTokenSource();
        var seen = Channel.CreateUnbounded<long>();
        var watching = WatchAsync(cluster, seen.Writer, stopping.Token);
        await seen.Reader.ReadAsync();
        var samples = new Samples("bare watch");
        for (var round = 0; round < rounds; round++)
        {
            var from = Stopwatch.GetTimestamp();
            await cluster.SetReadyAsync(round % 2 == 1);
            samples.Add(from, await seen.Reader.ReadAsync());
        }
        await cluster.SetReadyAsync(true);
        await stopping.CancelAsync();
        await watching;
        return samples;
    }

    private static async Task WatchAsync(Cluster cluster, ChannelWriter<long> seen, CancellationToken cancellation)
    {
        try
        {
            await foreach (var _ in cluster.Client.CoreV1.WatchListNamespacedPodAsync(
                Cluster.Space, fieldSelector: $"metadata.name={Cluster.DatabasePod}", cancellationToken: cancellation))
            {
                seen.TryWrite(Stopwatch.GetTimestamp());
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // Enough was seen.
        }
    }
}
