using System.Collections.Immutable;
using SessionOperator.Operator.Certificates;

namespace SessionOperator.Operator.Tests.Certificates;

public class RotationTests
{
    private const string Name = "session-operator.ops.svc";
    private static readonly ImmutableSortedSet<string> s_names = [Name, "session-operator.ops"];
    private static readonly RotationTimes s_times = new();
    private static readonly DateTimeOffset s_start = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void At_every_moment_every_client_that_is_not_too_late_can_verify_what_is_served()
    {
        var state = CertificateState.Empty;
        // What a client may hold: bundles, with the moment each was last written; the slowest replica hands it out a while longer.
        var handedOut = new Dictionary<string, DateTimeOffset>();
        var verified = new Dictionary<(string, string), DateTimeOffset>();
        var served = new HashSet<string>();
        var authorities = new HashSet<string>();
        for (var now = s_start; now < s_start.AddDays(5 * 365); now += TimeSpan.FromHours(5))
        {
            state = Rotation.Advance(state, s_names, now, s_times);
            handedOut[state.Bundle] = now;
            served.Add(state.Serving!.Certificate);
            authorities.UnionWith(state.Authorities.Select(authority => authority.Name));
            foreach (var bundle in handedOut.Where(held => now - held.Value <= s_times.Overlap).Select(held => held.Key))
            {
                // A pair that was good stays good as long as both are valid: looked at each day, not each time.
                var pair = (bundle, state.Serving.Certificate);
                if (now - verified.GetValueOrDefault(pair) >= TimeSpan.FromDays(1))
                {
                    Assert.Null(Verifier.Problem(bundle, state.Serving.Certificate, Name, now));
                    verified[pair] = now;
                }
            }
            Assert.InRange(state.Authorities.Count, 1, 2);
            Assert.Single(state.Authorities, authority => authority.Key is not null && now >= authority.PublishedAt + s_times.Overlap || state.Authorities.Count == 1);
        }
        Assert.InRange(authorities.Count, 7, 9);
        Assert.InRange(served.Count, 90, 100);
    }

    [Fact]
    public void An_authority_is_known_for_its_overlap_before_it_signs_and_until_all_it_signed_has_ended()
    {
        var state = CertificateState.Empty;
        var published = new Dictionary<string, DateTimeOffset>();
        var ends = new Dictionary<string, DateTimeOffset>();
        var first = "";
        for (var now = s_start; now < s_start.AddDays(3 * 365); now += TimeSpan.FromHours(1))
        {
            var next = Rotation.Advance(state, s_names, now, s_times);
            foreach (var authority in next.Authorities)
            {
                published.TryAdd(authority.Name, now);
            }
            first = first.Length > 0 ? first : next.Authorities[0].Name;
            var serving = next.Serving!;
            if (serving != state.Serving)
            {
                Assert.True(serving.Issuer == first || now - published[serving.Issuer] >= s_times.Overlap, $"{serving.Issuer} signs at {now}");
                ends[serving.Issuer] = serving.EndsAt;
            }
            foreach (var gone in state.Authorities.Where(old => next.Authorities.All(authority => authority.Name != old.Name)))
            {
                Assert.True(ends[gone.Name] <= now, $"{gone.Name} is dropped at {now}, what it signed lives until {ends[gone.Name]}");
            }
            state = next;
        }
        Assert.True(published.Count >= 4);
    }

    [Fact]
    public void Two_thirds_of_a_life_is_when_the_successor_comes()
    {
        var state = Rotation.Advance(CertificateState.Empty, s_names, s_start, s_times);
        Assert.Same(state, Rotation.Advance(state, s_names, s_start.AddDays(20).AddHours(-1), s_times));
        var renewed = Rotation.Advance(state, s_names, s_start.AddDays(20), s_times);
        Assert.NotEqual(state.Serving, renewed.Serving);
        Assert.Equal(state.Authorities, renewed.Authorities);
        Assert.Single(Rotation.Advance(renewed, s_names, s_start.AddDays(243), s_times).Authorities);
        Assert.Equal(2, Rotation.Advance(renewed, s_names, s_start.AddDays(244), s_times).Authorities.Count);
    }

    [Fact]
    public void A_name_more_is_signed_at_once_and_replicas_of_two_releases_do_not_take_turns()
    {
        var state = Rotation.Advance(CertificateState.Empty, s_names, s_start, s_times);
        ImmutableSortedSet<string> renamed = ["other.ops.svc"];
        var both = Rotation.Advance(state, renamed, s_start.AddMinutes(1), s_times);
        Assert.Equal(["other.ops.svc", "session-operator.ops", Name], both.Serving!.Names);
        Assert.Same(both, Rotation.Advance(both, s_names, s_start.AddMinutes(2), s_times));
        Assert.Same(both, Rotation.Advance(both, renamed, s_start.AddMinutes(2), s_times));
        Assert.Equal(renamed, Rotation.Advance(both, renamed, s_start.AddDays(21), s_times).Serving!.Names);
    }

    [Theory]
    [InlineData(100)]
    [InlineData(300)]
    [InlineData(400)]
    [InlineData(2000)]
    public void After_the_operator_was_away_what_it_serves_is_valid_again(int days)
    {
        var before = Rotation.Advance(CertificateState.Empty, s_names, s_start, s_times);
        var now = s_start.AddDays(days);
        var after = Rotation.Advance(before, s_names, now, s_times);
        Assert.Null(Verifier.Problem(after.Bundle, after.Serving!.Certificate, Name, now));
        if (days < 365)
        {
            Assert.Null(Verifier.Problem(before.Bundle, after.Serving.Certificate, Name, now));
        }
        Assert.Same(after, Rotation.Advance(after, s_names, now, s_times));
    }

    [Fact]
    public void The_last_months_of_an_authority_do_not_lead_to_a_signature_a_minute()
    {
        // Away until shortly before the end: the successor may not sign yet, the authority's end is near.
        var state = Rotation.Advance(CertificateState.Empty, s_names, s_start, s_times);
        var signatures = new HashSet<string>();
        for (var now = s_start.AddDays(360); now < s_start.AddDays(366); now += TimeSpan.FromMinutes(10))
        {
            state = Rotation.Advance(state, s_names, now, s_times);
            Assert.True(state.Serving!.EndsAt > now);
            signatures.Add(state.Serving.Certificate);
        }
        Assert.InRange(signatures.Count, 2, 3);
    }

    [Fact]
    public void The_key_of_a_successor_alone_is_no_reason_to_sign_with_it()
    {
        var state = Rotation.Advance(CertificateState.Empty, s_names, s_start, s_times);
        state = Rotation.Advance(state, s_names, s_start.AddDays(244), s_times);
        Assert.Equal(state.Authorities[0].Name, Rotation.Advance(state, s_names, s_start.AddDays(265), s_times).Serving!.Issuer);
        var signing = Rotation.Advance(state, s_names, s_start.AddDays(276), s_times);
        Assert.Equal(state.Authorities[1].Name, signing.Serving!.Issuer);
        Assert.Null(signing.Authorities[0].Key);
    }
}
