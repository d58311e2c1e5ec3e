using System.Buffers;
using System.Threading.Channels;
using Google.Protobuf;
using SessionOperator.Protocol.Fleet;

namespace SessionOperator.Sidecar.Handover;

/// <summary>
/// Batches on the stream to the operator, both ways: sends one at a time and waits for its result; puts arriving parts together
/// and answers for the whole. Knows nothing of what is in them.
/// </summary>
internal sealed class HandoverLink
{
    /// <summary>Bytes of a batch in one message.</summary>
    public const int PartBytes = 48 * 1024;

    private readonly Channel<FromSidecar> _out = Channel.CreateBounded<FromSidecar>(new BoundedChannelOptions(4) { SingleReader = true });
    private readonly Lock _lock = new();
    private readonly ArrayBufferWriter<byte> _partial = new();
    private Task _keeping = Task.CompletedTask;
    private (ulong Batch, TaskCompletionSource<HandoverResult> Result)? _sent;
    private ulong _batches;
    private ulong _arriving;

    /// <summary>The operator on the other end passes batches on.</summary>
    public bool Relays { get; set; }

    /// <summary>Called when there is something to send.</summary>
    public Action Wake { get; set; } = () => { };

    /// <summary>Keeps a batch; an empty answer means that it is on the disk, any other is why not.</summary>
    public Func<byte[], Task<string>> Keep { get; set; } = _ => Task.FromResult("this sidecar takes nothing");

    /// <summary>The next message to send, if there is one.</summary>
    public bool TryTake(out FromSidecar message)
    {
        var there = _out.Reader.TryRead(out var found);
        message = found!;
        return there;
    }

    /// <summary>Hands a batch over. Empty: somebody keeps it; otherwise why nobody does.</summary>
    public async Task<string> SendAsync(byte[] batch, TimeSpan wait, CancellationToken cancel)
    {
        var result = new TaskCompletionSource<HandoverResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        ulong number;
        lock (_lock)
        {
            number = ++_batches;
            _sent = (number, result);
        }

        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        late.CancelAfter(wait);
        try
        {
            for (var offset = 0; offset < batch.Length; offset += PartBytes)
            {
                var length = Math.Min(PartBytes, batch.Length - offset);
                await PutAsync(new FromSidecar
                {
                    Handover = new HandoverPart
                    {
                        Batch = number,
                        Data = ByteString.CopyFrom(batch, offset, length),
                        Last = offset + length == batch.Length,
                    },
                }, late.Token);
                if (result.Task.IsCompleted)
                {
                    break; // refused already
                }
            }

            var answer = await result.Task.WaitAsync(late.Token);
            return answer.Kept ? "" : answer.Refusal.Length > 0 ? answer.Refusal : "refused without a reason";
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return "no answer in time";
        }
    }

    public void Arrived(HandoverResult result)
    {
        lock (_lock)
        {
            if (_sent is { } sent && sent.Batch == result.Batch)
            {
                sent.Result.TrySetResult(result);
            }
        }
    }

    public void Arrived(HandoverPart part)
    {
        if (part.Batch != _arriving)
        {
            _arriving = part.Batch;
            _partial.ResetWrittenCount();
        }

        if (_partial.WrittenCount + part.Data.Length > HandoverBatch.MaxBytes)
        {
            _arriving = 0; // what still comes of it begins a batch that cannot be read, and is refused as well
            _ = AnswerAsync(part.Batch, "the batch is too long");
            return;
        }

        _partial.Write(part.Data.Span);
        if (part.Last)
        {
            _arriving = 0;
            // A large batch is rare: its memory is given back.
            var batch = _partial.WrittenSpan.ToArray();
            _partial.Clear();
            _keeping = KeepAsync(_keeping, part.Batch, batch);
        }
    }

    /// <summary>The stream ended: what was under way is lost, and sent again by whoever still has it.</summary>
    public void Broken()
    {
        Relays = false;
        _arriving = 0;
        _partial.ResetWrittenCount();
        while (_out.Reader.TryRead(out _))
        {
        }

        lock (_lock)
        {
            _sent?.Result.TrySetResult(new HandoverResult { Refusal = "the stream to the operator ended" });
        }
    }

    // The stream must go on while the disk is written to; batches are kept one after the other all the same.
    private async Task KeepAsync(Task before, ulong batch, byte[] bytes)
    {
        await before;
        await AnswerAsync(batch, await Keep(bytes));
    }

    private async Task AnswerAsync(ulong batch, string refusal) =>
        await PutAsync(new FromSidecar { HandoverResult = new HandoverResult { Batch = batch, Kept = refusal.Length == 0, Refusal = refusal } },
            CancellationToken.None);

    private async Task PutAsync(FromSidecar message, CancellationToken cancel)
    {
        await _out.Writer.WriteAsync(message, cancel);
        Wake();
    }
}
