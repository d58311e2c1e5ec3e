using SessionOperator.Protocol.Fleet;
using SessionOperator.Sidecar.Control;
using SessionOperator.Sidecar.Probing;

namespace SessionOperator.Sidecar.Sessions;

/// <summary>Answers an app whose database did not carry out a session operation, while its request waits.</summary>
internal sealed class Rescue(ModeController mode, Prober prober)
{
    /// <summary>A fresh connection to a healthy server takes about a tenth of it; a refused one less.</summary>
    private static readonly TimeSpan ProbeWait = TimeSpan.FromMilliseconds(250);

    private long _count;

    /// <summary>Requests completed in fallback that the framework would have failed, since the start.</summary>
    public long Count => Interlocked.Read(ref _count);

    /// <summary>Called with what the app met.</summary>
    public Action<Evidence> OnEvidence { get; set; } = _ => { };

    /// <exception cref="ApiException">An unknown verdict.</exception>
    public async Task<Answer> ReportAsync(ReportRequest report)
    {
        var verdict = report.Verdict switch
        {
            "read_only" => Evidence.Types.Verdict.ReadOnly,
            "unreachable" => Evidence.Types.Verdict.Unreachable,
            "deadline" => Evidence.Types.Verdict.Deadline,
            "busy" => Evidence.Types.Verdict.Saturated,
            _ => throw ApiException.Malformed("\"verdict\" must be read_only, unreachable, deadline or busy"),
        };
        if (mode.State.Mode == Mode.Normal)
        {
            if (verdict == Evidence.Types.Verdict.Saturated)
            {
                return Reply(keep: true);
            }

            // A connection that died with the server's last restart says nothing of the server now, and neither does one row's lock.
            if (verdict != Evidence.Types.Verdict.ReadOnly && !report.Retried
                && await prober.AskAsync(ProbeWait) is { Verdict: Evidence.Types.Verdict.Writable })
            {
                return Reply(retry: verdict == Evidence.Types.Verdict.Unreachable, keep: verdict == Evidence.Types.Verdict.Deadline);
            }
        }

        if (verdict != Evidence.Types.Verdict.Saturated)
        {
            mode.Down(verdict);
            OnEvidence(new Evidence { Source = Evidence.Types.Source.App, Verdict = verdict, Detail = Shown(report.Detail) });
            prober.ProbeNow();
        }

        return Reply();
    }

    private Answer Reply(bool retry = false, bool keep = false)
    {
        var state = mode.State;
        if (state.Mode != Mode.Normal || retry || keep)
        {
            Interlocked.Increment(ref _count);
            SidecarMetrics.Rescued.Inc();
        }

        return new Answer("ok") { Mode = (int)state.Mode, Retry = retry, Keep = keep && state.Limit.Length == 0 };
    }

    private static string Shown(string? detail) =>
        detail is null ? "" : new string(detail.Where(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-').Take(40).ToArray());
}
