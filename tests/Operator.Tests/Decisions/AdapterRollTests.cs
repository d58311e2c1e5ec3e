using SessionOperator.Operator.Api;
using SessionOperator.Operator.Decisions;

namespace SessionOperator.Operator.Tests.Decisions;

public class AdapterRollTests
{
    private static readonly Claim s_claim = new(0, Mode.Normal, 0, "");

    private readonly Supervisor _supervisor = new(new Policy(Mode.Cache), DatabaseState.Initial(Scene.Start));

    private string? MissingAfter(TimeSpan since) => AdapterRoll.Missing(_supervisor.Members, Scene.Start + since);

    private void Join(string pod, bool canProbe, bool loaded)
    {
        _supervisor.Join(pod, pod, s_claim, Scene.Start);
        _supervisor.Report(pod, 0, canProbe, false, Scene.Start, loaded: loaded);
    }

    [Fact]
    public void An_app_has_two_minutes_to_load_the_adapter_before_its_pod_is_named()
    {
        Join("web-1", canProbe: true, loaded: true);
        Join("web-2", canProbe: false, loaded: false);
        Assert.Null(MissingAfter(AdapterRoll.Patience - TimeSpan.FromSeconds(1)));
        Assert.Equal("web-2", MissingAfter(AdapterRoll.Patience));
        _supervisor.Report("web-2", 0, false, false, Scene.Start, loaded: true);
        Assert.Null(MissingAfter(AdapterRoll.Patience));
    }

    [Fact]
    public void An_app_that_has_loaded_it_and_that_nobody_uses_is_not_one_without_it()
    {
        Join("web-1", canProbe: false, loaded: true);
        Assert.Null(MissingAfter(TimeSpan.FromDays(1)));
    }

    [Fact]
    public void A_sidecar_that_knows_its_app_need_not_say_more()
    {
        Join("web-1", canProbe: true, loaded: false);
        Assert.Null(MissingAfter(TimeSpan.FromDays(1)));
    }

    [Fact]
    public void Of_many_three_are_named()
    {
        for (var i = 5; i > 0; i--)
        {
            Join($"web-{i}", canProbe: false, loaded: false);
        }
        Assert.Equal("web-1, web-2, web-3 and 2 more", MissingAfter(AdapterRoll.Patience));
    }
}
