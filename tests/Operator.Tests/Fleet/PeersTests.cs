using Microsoft.Extensions.Logging.Abstractions;
using SessionOperator.Operator.Api;
using SessionOperator.Operator.Decisions;
using SessionOperator.Operator.Fleet;
using SessionOperator.Operator.State;
using SessionOperator.Protocol.Fleet;

namespace SessionOperator.Operator.Tests.Fleet;

/// <summary>A replica that stops says so, whatever it was about to write.</summary>
public class PeersTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_last_word_is_said_although_a_write_is_cut_off_by_the_order_to_stop(bool failed)
    {
        var board = new Board();
        var peers = new Peers("default/orders-db", board, new ReplicaTimings(TimeSpan.FromSeconds(10)), new Clock(TimeProvider.System), NullLogger.Instance);
        var supervisor = new Supervisor(new Policy(Mode.Cache), DatabaseState.Initial(DateTimeOffset.UtcNow));
        using var stop = new CancellationTokenSource();
        peers.Tell(supervisor, stop.Token);
        Assert.NotNull(peers.InFlight);
        if (failed)
        {
            board.First.SetException(new DecisionStoreUnavailableException("the API server is away"));
        }
        await stop.CancelAsync();
        await peers.LeaveAsync(supervisor);
        Assert.True(Assert.Single(board.Written).Fleet["operator-1"]!.Leaving);
    }

    /// <summary>Does not answer the first write; takes the others.</summary>
    private sealed class Board : IFleetBoard
    {
        private bool _asked;

        public TaskCompletionSource First { get; } = new();

        public List<FleetUpdate> Written { get; } = [];

        public string Self => "operator-1";

        public SessionDatabaseStatus? Newest(string database) => null;

        public Task WriteAsync(string database, FleetUpdate update, CancellationToken cancellation)
        {
            if (!_asked)
            {
                _asked = true;
                return First.Task.WaitAsync(cancellation);
            }
            Written.Add(update);
            return Task.CompletedTask;
        }

        public IDisposable Subscribe(string database, Action changed) => throw new NotSupportedException();
    }
}
