using System.Globalization;
using SessionOperator.Benchmarks;

const string Usage = """
    usage: SessionOperator.Benchmarks [SIDECARS [ROUNDS]]

    How long it takes from a write to the API server that says the database is going until every sidecar of a fleet has
    the new mode: a real kube-apiserver, two replicas of the published operator, a fleet in a process of its own over TLS.
    Defaults: 100 sidecars, 20 rounds of each kind, and before them a quarter as many that are each the first decision of
    operators that were just started ("first"). BENCH_OPERATOR=PROGRAM takes another operator than that of make build. Writes artifacts/bench/report.json. Exit code 1: the bar does not hold.
    """;

if (args is ["fleet", .. var rest])
{
    return await FleetProcess.RunAsync(rest);
}
int[] numbers = [100, 20];
if (args.Length > 2 || !args.Select((text, i) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out numbers[i]) && numbers[i] > 0).All(good => good))
{
    Console.Error.WriteLine(Usage);
    return 2;
}
var (sidecars, rounds) = (numbers[0], numbers[1]);
var folder = Directory.CreateTempSubdirectory("session-operator-bench-").FullName;
try
{
    Report.Heading(sidecars);
    var (each, last) = await BareHub.MeasureAsync(sidecars, rounds, folder);
    Report.Rows(each, last);
    using var cluster = await Cluster.StartAsync(folder);
    var watch = await WatchLatency.MeasureAsync(cluster, 5 * rounds);
    Report.Rows(watch);
    var ready = new Samples("first: from start until both replicas are ready");
    var courses = await SignalToFleet.MeasureAsync(cluster, sidecars, rounds, (rounds + 3) / 4, ready, folder);
    var holds = Report.Write(sidecars, [watch, each, last, ready, .. courses.SelectMany(course => course.Stations)], [.. courses.SelectMany(course => course.Measured)], Path.Combine(Cluster.Root(), "artifacts/bench/report.json"));
    cluster.Dispose();
    Directory.Delete(folder, recursive: true);
    return holds ? 0 : 1;
}
catch (Exception broken) when (broken is IOException or TimeoutException)
{
    Console.Error.WriteLine($"{broken.Message}; the operator's and API server's logs are in {folder}");
    return 1;
}
