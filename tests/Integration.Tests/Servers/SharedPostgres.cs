using SessionOperator.Integration.Tests.Servers;

[assembly: AssemblyFixture(typeof(SharedPostgres))]

namespace SessionOperator.Integration.Tests.Servers;

/// <summary>One PostgreSQL for all tests that give each outage a database of its own.</summary>
public sealed class SharedPostgres : IAsyncLifetime
{
    internal PostgresServer Server { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Server = await PostgresServer.StartAsync();

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}
