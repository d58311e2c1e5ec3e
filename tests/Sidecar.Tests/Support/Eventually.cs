using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace SessionOperator.Sidecar.Tests.Support;

/// <summary>Waits for conditions, with a deadline.</summary>
internal static class Eventually
{
    public static Task True(Func<bool> condition, double seconds = 10, [CallerArgumentExpression(nameof(condition))] string what = "") =>
        True(() => Task.FromResult(condition()), seconds, what);

    public static async Task True(
        Func<Task<bool>> condition, double seconds = 10, [CallerArgumentExpression(nameof(condition))] string what = "")
    {
        var clock = Stopwatch.StartNew();
        while (!await condition())
        {
            Assert.True(clock.Elapsed.TotalSeconds < seconds, $"not within {seconds} s: {what}");
            await Task.Delay(5);
        }
    }
}
