namespace SessionOperator.Operator.Certificates;

/// <summary>
/// The authorities that whoever connects to the operator must trust: sidecars get it with injection and over their
/// stream, the API server gets it as <c>caBundle</c> of the webhook configurations.
/// </summary>
public interface ICertificateBundle
{
    /// <summary>PEM, one to three certificates; empty until there is a certificate to serve.</summary>
    string Pem { get; }

    /// <summary>Calls back with each new bundle, on any thread and quickly. Dispose to end.</summary>
    IDisposable Subscribe(Action<string> changed);
}
