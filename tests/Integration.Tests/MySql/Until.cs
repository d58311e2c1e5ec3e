using System.Diagnostics;

namespace SessionOperator.Integration.Tests;

/// <summary>Waits for a condition, with a deadline.</summary>
internal static class Until
{
    public static async Task TrueAsync(Func<Task<bool>> condition, double seconds, string what)
    {
        var clock = Stopwatch.StartNew();
        while (!await condition())
        {
            Assert.True(clock.Elapsed.TotalSeconds < seconds, $"not within {seconds} s: {what}");
            await Task.Delay(20);
        }
    }
}
