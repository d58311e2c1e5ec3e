using System.Globalization;
using SessionOperator.Operator.Housekeeping.Leases;

namespace SessionOperator.Operator.Tests.Housekeeping;

/// <summary>What goes wrong with requests.</summary>
public enum Fault
{
    None,
    Unavailable,

    /// <summary>Writes are carried out, and nobody learns of it.</summary>
    LostAnswer,

    /// <summary>No answer, until the request's deadline.</summary>
    Hang,
}

/// <summary>A lease that several candidates reach, each by its own way with its own faults.</summary>
internal sealed class SharedLease(TimeProvider time)
{
    private readonly Lock _lock = new();
    private int _version;
    private StoredLease? _stored;

    public StoredLease? Stored
    {
        get
        {
            lock (_lock)
            {
                return _stored;
            }
        }
    }

    public Way By() => new(this, time);

    /// <summary>Somebody writes, whoever holds it.</summary>
    public void Overwrite(Func<LeaseRecord, LeaseRecord> change)
    {
        lock (_lock)
        {
            _stored = new StoredLease((++_version).ToString(CultureInfo.InvariantCulture), change(_stored!.Record));
        }
    }

    private StoredLease? Write(string? version, LeaseRecord next)
    {
        lock (_lock)
        {
            return _stored?.Version == version ? _stored = new StoredLease((++_version).ToString(CultureInfo.InvariantCulture), next) : null;
        }
    }

    internal sealed class Way(SharedLease lease, TimeProvider time) : ILeaseStore
    {
        private int _fault;

        public Fault Fault
        {
            get => (Fault)Volatile.Read(ref _fault);
            set => Volatile.Write(ref _fault, (int)value);
        }

        public Task<StoredLease?> ReadAsync(CancellationToken cancellation) => Ask(() => lease.Stored, Fault == Fault.LostAnswer ? Fault.None : Fault, cancellation);

        public Task<StoredLease?> TryWriteAsync(string? version, LeaseRecord next, CancellationToken cancellation) =>
            Ask(() => lease.Write(version, next), Fault, cancellation);

        private async Task<StoredLease?> Ask(Func<StoredLease?> request, Fault fault, CancellationToken cancellation)
        {
            cancellation.ThrowIfCancellationRequested();
            switch (fault)
            {
                case Fault.Unavailable:
                    throw new LeaseUnavailableException("scripted");
                case Fault.LostAnswer:
                    request();
                    throw new LeaseUnavailableException("scripted: the answer was lost");
                case Fault.Hang:
                    await Task.Delay(TimeSpan.FromSeconds(2.5), time, cancellation);
                    throw new LeaseUnavailableException("scripted: no answer in time");
            }
            return request();
        }
    }
}
