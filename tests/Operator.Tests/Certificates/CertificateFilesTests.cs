using Microsoft.Extensions.Logging.Abstractions;
using Prometheus;
using SessionOperator.Operator.Certificates;

namespace SessionOperator.Operator.Tests.Certificates;

public sealed class CertificateFilesTests : IDisposable
{
    private static readonly RotationTimes s_times = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("session-operator-tls-").FullName;
    private readonly ServedCertificate _served = new(TimeProvider.System);
    private readonly CertificateMetrics _metrics = new(Prometheus.Metrics.NewCustomRegistry());
    private readonly CertificateFiles _files;

    public CertificateFilesTests() => _files = new CertificateFiles(_folder, _served, _metrics, TimeProvider.System, NullLogger.Instance);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static CertificateState Issue() => Rotation.Advance(CertificateState.Empty, ["a.b.svc"], DateTimeOffset.UtcNow, s_times);

    private void Write(CertificateState state)
    {
        File.WriteAllText(Path.Combine(_folder, "tls.crt"), state.Serving!.Certificate);
        File.WriteAllText(Path.Combine(_folder, "tls.key"), state.Serving.Key);
        File.WriteAllText(Path.Combine(_folder, "ca.crt"), state.Bundle);
    }

    private bool Verifies(string bundle) =>
        Verifier.Problem(bundle, _served.Context!.TargetCertificate.ExportCertificatePem(), "a.b.svc", DateTimeOffset.UtcNow) is null;

    [Fact]
    public void Files_that_change_are_taken_into_use_and_the_authority_before_stays_known()
    {
        CertificateState first = Issue(), second = Issue(), third = Issue();
        Write(first);
        _files.Turn();
        Assert.True(_served.IsReady);
        Assert.True(Verifies(first.Bundle));
        Write(second);
        _files.Turn();
        _files.Turn();
        Assert.True(Verifies(second.Bundle));
        Assert.False(Verifies(first.Bundle));
        Assert.Contains(first.Authorities[0].Certificate, _served.Pem, StringComparison.Ordinal);
        Assert.Contains(second.Authorities[0].Certificate, _served.Pem, StringComparison.Ordinal);
        Write(third);
        _files.Turn();
        Assert.DoesNotContain(first.Authorities[0].Certificate, _served.Pem, StringComparison.Ordinal);
        Assert.Equal((3d, 3d), (_metrics.Rotations.WithLabels("serving").Value, _metrics.Rotations.WithLabels("authority").Value));
    }

    [Fact]
    public void Half_of_a_swap_is_not_taken()
    {
        CertificateState first = Issue(), second = Issue();
        Write(first);
        _files.Turn();
        File.WriteAllText(Path.Combine(_folder, "tls.crt"), second.Serving!.Certificate);
        _files.Turn();
        Assert.True(Verifies(first.Bundle));
        Write(second);
        _files.Turn();
        Assert.True(Verifies(second.Bundle));
    }

    [Theory]
    [InlineData("tls.crt")]
    [InlineData("tls.key")]
    [InlineData("ca.crt")]
    public void A_file_that_is_missing_or_empty_changes_nothing(string file)
    {
        var first = Issue();
        Write(first);
        _files.Turn();
        var bundle = _served.Pem;
        Write(Issue());
        File.WriteAllText(Path.Combine(_folder, file), "");
        _files.Turn();
        File.Delete(Path.Combine(_folder, file));
        _files.Turn();
        Assert.True(Verifies(first.Bundle));
        Assert.Equal(bundle, _served.Pem);
    }
}
