namespace SessionOperator.Operator;

/// <summary>Asks another replica whether it is ready: what `helm test` runs, since the image holds no other client.</summary>
public static class ReadyProbe
{
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(10);

    /// <summary>The exit code: 0 it said yes, 1 it said no or could not be reached, 2 the address is none.</summary>
    public static async Task<int> Ask(string url, TextWriter answers, TextWriter complaints)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme != Uri.UriSchemeHttp)
        {
            await complaints.WriteLineAsync($"--probe \"{url}\" is no address; write http://host:port/readyz");
            return 2;
        }
        using var client = new HttpClient { Timeout = s_deadline };
        try
        {
            using var response = await client.GetAsync(address);
            await answers.WriteLineAsync($"{address}: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}");
            return response.IsSuccessStatusCode ? 0 : 1;
        }
        catch (Exception unreachable) when (unreachable is HttpRequestException or TaskCanceledException)
        {
            await complaints.WriteLineAsync($"{address}: cannot be reached ({unreachable.Message})");
            return 1;
        }
    }
}
