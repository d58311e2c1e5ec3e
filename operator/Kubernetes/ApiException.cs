using System.Net;

namespace SessionOperator.Operator.Kubernetes;

/// <summary>The API server answered, and the answer is no.</summary>
/// <param name="status">Its HTTP status.</param>
/// <param name="reason">Its word for it, such as Conflict or NotFound; empty if it gave none.</param>
/// <param name="message">Its words, one line.</param>
public class ApiException(HttpStatusCode status, string reason, string message) : Exception(message)
{
    public HttpStatusCode Status => status;

    public string Reason => reason;
}

/// <summary>The API server did not answer in time, or could not at the moment; what was asked may have been done all the same.</summary>
public sealed class ApiUnavailableException(string message, Exception? inner = null) : Exception(message, inner);
