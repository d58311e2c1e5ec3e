using System.Text;
using SessionOperator.Operator.Certificates;

namespace SessionOperator.Operator.Tests.Certificates;

public class SecretFormatTests
{
    private static readonly RotationTimes s_times = new();
    private static readonly DateTimeOffset s_start = new(2030, 1, 1, 12, 30, 15, 700, TimeSpan.Zero);

    [Fact]
    public void What_is_written_is_read_back_at_each_stage_of_a_rotation()
    {
        var state = CertificateState.Empty;
        for (var day = 0; day < 400; day += 7)
        {
            state = Rotation.Advance(state, ["a.b.svc", "10.0.0.7"], s_start.AddDays(day), s_times);
            var read = SecretFormat.Read(SecretFormat.Write(state), s_times);
            Assert.Equal(state.Authorities.Select(a => (a.Name, a.Certificate, a.Key, a.PublishedAt, a.EndsAt)),
                read.Authorities.Select(a => (a.Name, a.Certificate, a.Key, a.PublishedAt, a.EndsAt)));
            Assert.Equal(state.Serving! with { Names = [] }, read.Serving! with { Names = [] });
            Assert.Equal(state.Serving.Names, read.Serving.Names);
            // Nothing is due only because it was stored.
            Assert.Same(read, Rotation.Advance(read, ["a.b.svc"], s_start.AddDays(day), s_times));
        }
    }

    [Fact]
    public void A_secret_without_our_keys_is_empty()
    {
        Assert.Equal(CertificateState.Empty.Authorities, SecretFormat.Read(null, s_times).Authorities);
        var foreign = SecretFormat.Read(new Dictionary<string, byte[]> { ["other"] = [1] }, s_times);
        Assert.Empty(foreign.Authorities);
        Assert.Null(foreign.Serving);
    }

    [Theory]
    [InlineData("tls.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")]
    [InlineData("tls.key", "")]
    [InlineData("ca.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")]
    [InlineData("ca.crt", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")]
    public void What_we_did_not_write_is_said_and_not_overwritten(string key, string value)
    {
        var data = SecretFormat.Write(Rotation.Advance(CertificateState.Empty, ["a"], s_start, s_times));
        data[key] = Encoding.ASCII.GetBytes(value);
        Assert.Throws<FormatException>(() => SecretFormat.Read(data, s_times));
    }

    [Fact]
    public void A_lost_authority_key_leads_to_a_new_authority_and_what_is_served_stays()
    {
        var state = Rotation.Advance(CertificateState.Empty, ["a"], s_start, s_times);
        var data = SecretFormat.Write(state);
        data["ca.key"] = [];
        var next = Rotation.Advance(SecretFormat.Read(data, s_times), ["a"], s_start.AddDays(1), s_times);
        Assert.Equal(2, next.Authorities.Count);
        Assert.Equal(state.Serving!.Certificate, next.Serving!.Certificate);
    }
}
