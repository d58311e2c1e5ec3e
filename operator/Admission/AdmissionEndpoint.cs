using System.Buffers;

namespace SessionOperator.Operator.Admission;

/// <summary>HTTP around a webhook: reads a bounded body within a deadline, and answers "allowed" whatever happens behind it.</summary>
public static class AdmissionEndpoint
{
    /// <summary>Bytes of a review. An object has at most 1.5 MB in etcd, and a review may hold two.</summary>
    public const int LargestBody = 4 * 1024 * 1024;

    /// <summary>For the whole review; API servers wait at least 2 s as the chart has it.</summary>
    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(1.5);

    /// <param name="endpoints">Where to add it.</param>
    /// <param name="path">As in the webhook configuration.</param>
    /// <param name="answer">The webhook. What it throws becomes a warning.</param>
    /// <param name="log">Where defects are reported.</param>
    public static IEndpointConventionBuilder MapAdmission(
        this IEndpointRouteBuilder endpoints, string path, Func<AdmissionRequest, CancellationToken, ValueTask<AdmissionAnswer>> answer, ILogger log) =>
        endpoints.MapPost(path, async context =>
        {
            using var deadline = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
            deadline.CancelAfter(s_deadline);
            AdmissionRequest request;
            try
            {
                request = AdmissionRequest.Parse(await ReadAsync(context.Request, deadline.Token));
            }
            // Without the request's id no answer would be taken; the API server goes on without us.
            catch (FormatException malformed)
            {
                await Refuse(context, StatusCodes.Status400BadRequest, $"this is no AdmissionReview of admission.k8s.io/v1: {malformed.Message}");
                return;
            }
            catch (BadHttpRequestException wrong)
            {
                await Refuse(context, wrong.StatusCode, wrong.Message);
                return;
            }
            catch (OperationCanceledException) when (!context.RequestAborted.IsCancellationRequested)
            {
                await Refuse(context, StatusCodes.Status408RequestTimeout, $"the review did not arrive within {s_deadline.TotalSeconds} s");
                return;
            }
            var reply = await AnswerAsync(request, answer, log, deadline.Token);
            context.Response.ContentType = "application/json";
            await context.Response.WriteAsync(reply.ToReview(request.Uid), context.RequestAborted);
        });

    private static async Task<AdmissionAnswer> AnswerAsync(
        AdmissionRequest request, Func<AdmissionRequest, CancellationToken, ValueTask<AdmissionAnswer>> answer, ILogger log, CancellationToken deadline)
    {
        try
        {
            return await answer(request, deadline);
        }
        // Everything: an error of ours must not keep an object of somebody else's from the cluster.
        catch (Exception defect)
        {
            log.LogError(defect, "A review of {Operation} in {Namespace} failed; it is allowed as it is", request.Operation, request.Namespace);
            return new AdmissionAnswer(null, $"session-operator could not look at this object ({defect.GetType().Name}); it is allowed as it is");
        }
    }

    private static async Task<byte[]> ReadAsync(HttpRequest request, CancellationToken cancellation)
    {
        if (request.ContentLength > LargestBody)
        {
            throw new BadHttpRequestException($"more than {LargestBody} bytes", StatusCodes.Status413PayloadTooLarge);
        }
        while (true)
        {
            var read = await request.BodyReader.ReadAsync(cancellation);
            if (read.Buffer.Length > LargestBody)
            {
                request.BodyReader.AdvanceTo(read.Buffer.End);
                throw new BadHttpRequestException($"more than {LargestBody} bytes", StatusCodes.Status413PayloadTooLarge);
            }
            if (read.IsCompleted)
            {
                var body = read.Buffer.ToArray();
                request.BodyReader.AdvanceTo(read.Buffer.End);
                return body;
            }
            request.BodyReader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    private static async Task Refuse(HttpContext context, int status, string message)
    {
        context.Response.StatusCode = status;
        await context.Response.WriteAsync(message + "\n", context.RequestAborted);
    }
}
