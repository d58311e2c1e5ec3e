using k8s;

namespace SessionOperator.Kubernetes.Tests.Servers;

public class ApiServerTests(ApiServer server)
{
    [Fact]
    public async Task It_says_its_version_and_keeps_what_is_created()
    {
        var version = await server.Client.Version.GetCodeAsync(TestContext.Current.CancellationToken);
        Assert.StartsWith("v1.", version.GitVersion, StringComparison.Ordinal);
        var name = await server.NamespaceAsync();
        var read = await server.Client.ReadNamespaceAsync(name, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal("Active", read.Status.Phase);
    }

    [Fact]
    public async Task One_that_was_stopped_comes_back_with_its_data_at_the_same_address()
    {
        await using var own = new ApiServer();
        await own.InitializeAsync();
        var name = await own.NamespaceAsync();
        await own.StopAsync();
        await Assert.ThrowsAsync<HttpRequestException>(() =>
            own.Client.ReadNamespaceAsync(name, cancellationToken: TestContext.Current.CancellationToken));
        await own.StartAsync();
        Assert.Equal(name, (await own.Client.ReadNamespaceAsync(name, cancellationToken: TestContext.Current.CancellationToken)).Metadata.Name);
    }
}
