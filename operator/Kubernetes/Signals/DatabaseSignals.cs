using SessionOperator.Operator.Kubernetes.Watching;
using SessionOperator.Operator.Presets;
using SessionOperator.Operator.Signals;
using SessionOperator.Operator.Signals.Views;

namespace SessionOperator.Operator.Kubernetes.Signals;

/// <summary>
/// What Kubernetes says of one database: keeps the view of it up to date from the watches it needs, and posts what the
/// changes mean. While a watch is being listed again nothing is judged: half of it would look like an outage.
/// </summary>
/// <param name="database">"namespace/name" of the SessionDatabase.</param>
/// <param name="preset">Of this cluster.</param>
/// <param name="ns">Where its pods are.</param>
/// <param name="watches">Shared with other databases.</param>
/// <param name="slices">EndpointSlices as this server has them.</param>
/// <param name="post">Hands a signal to the database's decisions.</param>
/// <param name="seen">Counts.</param>
/// <param name="pods">Hears how many pods there are, where any are watched.</param>
/// <param name="now">The clock of the decisions.</param>
/// <param name="log">One line for each sighting.</param>
public sealed partial class DatabaseSignals(
    string database, Preset preset, string ns, SharedWatches watches, ResourceKind slices,
    Func<Signal, CancellationToken, ValueTask> post, Action<SightingKind> seen, Action<PodsSeen> pods, Func<DateTimeOffset> now, ILogger log) : IAsyncDisposable
{
    private readonly SemaphoreSlim _turn = new(1);
    private readonly List<IAsyncDisposable> _subscriptions = [];
    private DatabaseView _view = DatabaseView.Empty;
    private DatabaseView _judged = DatabaseView.Empty;
    private Restraint _restraint = Restraint.None;
    private RequestView? _request;
    private int _listing;

    /// <summary>Subscribes to what the preset says something about: pods first, they are the quickest.</summary>
    public async Task StartAsync(CancellationToken cancellation)
    {
        if (preset.Pods.Length > 0)
        {
            var fields = PodFields.Of(preset);
            await Watch(
                new WatchTarget(ResourceKind.Pods, ns) { LabelSelector = preset.Pods }, fields, (source, meta) => PodView.Read(source, meta, fields),
                (view, pod) => view.With(pod), (view, pod) => view with { Pods = view.Pods.Remove(pod.Uid) }, null, cancellation);
            await Watch(
                new WatchTarget(ResourceKind.Nodes), null, NodeView.Read,
                (view, node) => view with { Nodes = view.Nodes.SetItem(node.Name, node) },
                (view, node) => view with { Nodes = view.Nodes.Remove(node.Name) }, null, cancellation);
        }
        for (var i = 0; i < preset.Resources.Length; i++)
        {
            await WatchResource(i, preset.Resources[i], cancellation);
        }
        if (preset.StatefulSet.Length > 0)
        {
            await Watch(
                WatchTarget.Named(ResourceKind.StatefulSets, ns, preset.StatefulSet), null, StatefulSetView.Read,
                (view, set) => view with { StatefulSet = set }, (view, _) => view with { StatefulSet = null }, null, cancellation);
        }
        if (preset.Services.Length > 0)
        {
            var selector = $"kubernetes.io/service-name in ({string.Join(',', preset.Services)})";
            await Watch(
                new WatchTarget(slices, ns) { LabelSelector = selector }, null, SliceView.Read,
                (view, slice) => view with { Slices = view.Slices.SetItem(slice.Name, slice) },
                (view, slice) => view with { Slices = view.Slices.Remove(slice.Name) }, null, cancellation);
        }
    }

    /// <summary>Takes in what the SessionDatabase itself asks for.</summary>
    public async ValueTask Request(RequestView request, CancellationToken cancellation)
    {
        await _turn.WaitAsync(cancellation);
        try
        {
            var before = _request;
            _request = request;
            if (request.Drill.Length > 0 && request.Drill != before?.Drill && !Sightings.TryReadDrill(request.Drill, out _))
            {
                NoDrill(database, Fleet.Checks.Line(request.Drill, 60));
            }
            await Pass(Sightings.Requests(database[(database.IndexOf('/', StringComparison.Ordinal) + 1)..], before, request, now()), cancellation);
        }
        finally
        {
            _turn.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var subscription in _subscriptions)
        {
            await subscription.DisposeAsync();
        }
        _turn.Dispose();
    }

    private async Task WatchResource(int index, AnnouncingResource resource, CancellationToken cancellation)
    {
        // One that is not there announces nothing, which is known, too: it may be made for the announcement.
        var silent = new ResourceView($"{resource.Kind.Plural}/{resource.Name}", 0);
        await Watch(
            WatchTarget.Named(resource.Kind, ns, resource.Name), preset.Name, (source, _) => ResourceView.Read(source, resource),
            (view, one) => view with { Resources = view.Resources.SetItem(index, one) },
            (view, _) => view with { Resources = view.Resources.SetItem(index, silent) },
            view => view.Resources.ContainsKey(index) ? view : view with { Resources = view.Resources.Add(index, silent) }, cancellation);
    }

    private async Task Watch<T>(
        WatchTarget target, object? fields, Func<System.Text.Json.JsonElement, ObjectMeta, T> project, Func<DatabaseView, T, DatabaseView> upsert,
        Func<DatabaseView, T, DatabaseView> remove, Func<DatabaseView, DatabaseView>? listed, CancellationToken cancellation) where T : class =>
        _subscriptions.Add(await watches.Subscribe(target, fields, project, new Sink<T>(this, upsert, remove, listed), cancellation));

    private async ValueTask Change(Func<DatabaseView, DatabaseView> change, int listing, CancellationToken cancellation)
    {
        await _turn.WaitAsync(cancellation);
        try
        {
            _listing += listing;
            _view = change(_view);
            if (_listing == 0)
            {
                var (before, at) = (_judged, now());
                _judged = _view;
                if (preset.Pods.Length > 0)
                {
                    pods(new PodsSeen(_view.Pods.Count, _view.Candidates(preset).Count()));
                }
                await Pass(Sightings.Between(before, _view, preset, at), cancellation);
            }
        }
        finally
        {
            _turn.Release();
        }
    }

    private async ValueTask Pass(IEnumerable<Sighting> sightings, CancellationToken cancellation)
    {
        foreach (var sighting in sightings)
        {
            (_restraint, var passed) = _restraint.Apply(sighting, now());
            seen(passed.Kind);
            Saw(database, passed.Subject, passed.Words, passed.Signal?.Kind.ToString() ?? "nothing yet");
            if (passed.Signal is { } signal)
            {
                await post(signal, cancellation);
            }
        }
    }

    [LoggerMessage(EventId = 40, Level = LogLevel.Information, Message = "{Database}: {Subject} {Words} (means: {Signal})")]
    private partial void Saw(string database, string subject, string words, string signal);

    [LoggerMessage(EventId = 41, Level = LogLevel.Warning, Message = "{Database}: annotation sessionoperator.dev/drill is \"{Text}\"; write a time from 1s to 10m, such as 30s")]
    private partial void NoDrill(string database, string text);

    /// <summary>Applies what one watch tells to the view.</summary>
    private sealed class Sink<T>(
        DatabaseSignals signals, Func<DatabaseView, T, DatabaseView> upsert, Func<DatabaseView, T, DatabaseView> remove,
        Func<DatabaseView, DatabaseView>? listed) : IWatchSink<T> where T : class
    {
        private bool _listing;

        public ValueTask Listing(CancellationToken cancellation)
        {
            // A list that could not be taken in is told again: it counts once.
            var begins = _listing ? 0 : 1;
            _listing = true;
            return signals.Change(view => view, begins, cancellation);
        }

        public ValueTask Upserted(T? previous, T current, CancellationToken cancellation) =>
            signals.Change(view => upsert(view, current), 0, cancellation);

        public ValueTask Removed(T last, CancellationToken cancellation) => signals.Change(view => remove(view, last), 0, cancellation);

        public ValueTask Listed(IReadOnlyCollection<T> all, CancellationToken cancellation)
        {
            var ends = _listing ? -1 : 0;
            _listing = false;
            return signals.Change(view => listed?.Invoke(view) ?? view, ends, cancellation);
        }
    }
}
