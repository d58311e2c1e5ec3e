using System.Threading.Channels;
using SessionOperator.Operator.Api;
using SessionOperator.Operator.Decisions;
using SessionOperator.Operator.Fleet;

namespace SessionOperator.Operator.Kubernetes;

/// <summary>Starts a controller for every SessionDatabase that comes, tells it of a new policy, and ends it when its database goes.</summary>
internal sealed partial class DatabaseLifecycle(
    SessionDatabases databases, ControllerDirectory directory, Func<string, Policy, DatabaseController> create,
    Action<string> forget, IHostApplicationLifetime lifetime, ILogger log) : BackgroundService
{
    private readonly Channel<SessionDatabaseChange> _changes = Channel.CreateUnbounded<SessionDatabaseChange>(new UnboundedChannelOptions { SingleReader = true });

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var subscription = databases.Subscribe(Notice);
        try
        {
            foreach (var database in databases.All)
            {
                await Take(new SessionDatabaseChange(null, database), stoppingToken);
            }
            await foreach (var change in _changes.Reader.ReadAllAsync(stoppingToken))
            {
                await Take(change, stoppingToken);
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // Told to stop: streams end by themselves, and the decisions stay where they are.
        }
        await Task.WhenAll(directory.All.Select(controller => controller.StopAsync(CancellationToken.None)));
    }

    /// <summary>Most changes are of the status, which concerns nobody here.</summary>
    private void Notice(SessionDatabaseChange change)
    {
        if (change is not { Before: { } before, After: { } after } || before.Spec != after.Spec)
        {
            _changes.Writer.TryWrite(change);
        }
    }

    private async Task Take(SessionDatabaseChange change, CancellationToken cancellation)
    {
        var name = change.Newest.Key;
        var controller = directory.Find(name);
        if (change.After is not { } database)
        {
            if (controller is not null)
            {
                directory.Remove(name);
                Gone(name);
                await controller.EndAsync($"SessionDatabase {name} was deleted");
                // A phase that nobody decides any more would keep its alert for ever.
                forget(name);
            }
            return;
        }
        if (controller is not null)
        {
            await controller.Post(new Input.Repoliced(PolicyOf.Read(database.Spec)), cancellation);
            return;
        }
        controller = create(name, PolicyOf.Read(database.Spec));
        await controller.StartAsync(cancellation);
        directory.Add(controller);
        Served(name);
        _ = StopIfItFails(controller);
    }

    /// <summary>A decision loop that ends by an error of ours is nothing to go on with: the pod is started anew.</summary>
    private async Task StopIfItFails(DatabaseController controller)
    {
        try
        {
            await controller.ExecuteTask!;
        }
        catch (Exception mistake)
        {
            Failed(controller.Database, mistake);
            lifetime.StopApplication();
        }
    }

    [LoggerMessage(EventId = 30, Level = LogLevel.Information, Message = "{Database}: served from now on")]
    private partial void Served(string database);

    [LoggerMessage(EventId = 31, Level = LogLevel.Information, Message = "{Database}: deleted; its sidecars keep their mode and decide alone once its lease has run out")]
    private partial void Gone(string database);

    [LoggerMessage(EventId = 32, Level = LogLevel.Critical, Message = "{Database}: the decision loop ended by a mistake of ours; stopping")]
    private partial void Failed(string database, Exception mistake);
}
