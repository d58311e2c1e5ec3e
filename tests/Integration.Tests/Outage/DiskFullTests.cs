using System.Text.Json;
using SessionOperator.Integration.Tests.Servers;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Integration.Tests.Outage;

/// <summary>A journal whose disk takes no more.</summary>
public sealed class DiskFullTests(SharedPostgres postgres) : OutageTest(postgres)
{
    [Fact]
    public async Task A_full_disk_refuses_aloud_keeps_what_is_acknowledged_and_does_not_end_the_sidecar()
    {
        using var directory = new TempDirectory();
        using var sidecar = new SidecarProcess(directory.Path);
        try
        {
            await sidecar.StartAsync(largestFileKiB: 256);
            await HelloAsync(sidecar);
            await OutageAsync(sidecar);
            var acknowledged = new List<string>();
            // Ever smaller ones, until not even the shortest note finds room.
            for (int size = 40_000, n = 0; size > 0; n++)
            {
                var outcome = await sidecar.OutcomeAsync("/v1/save", Save($"s{n}", new string('x', size), create: true));
                if (outcome == "saved")
                {
                    acknowledged.Add($"s{n}");
                }
                else
                {
                    Assert.Equal("refused", outcome);
                    size /= 10;
                }
            }

            Assert.InRange(acknowledged.Count, 6, 100);
            Assert.Equal(40_000, (await LoadAsync(sidecar, "s0"))!.Length);
            // A tombstone is shorter than the shortest session; one of them does not find room either.
            JsonElement logout;
            string ended;
            do
            {
                ended = acknowledged[0];
                acknowledged.RemoveAt(0);
                logout = await sidecar.OkAsync("/v1/delete", Delete(ended));
            }
            while (logout.GetProperty("status").GetString() == "deleted");

            // Other pods may have seen it by now, so nobody must be told that he is still logged in.
            Assert.Equal(("refused", true), (logout.GetProperty("status").GetString(), logout.GetProperty("uncertain").GetBoolean()));
            Assert.Equal("deleted", await LoadAsync(sidecar, ended));
            await Database.WritableAsync();
            await Eventually.True(() => sidecar.PageMode == 0, 15);
            Assert.Superset(acknowledged.ToHashSet(), (await Database.RowsAsync()).Keys.ToHashSet());
            Assert.True(sidecar.Running);
            Assert.Equal("ok", (await sidecar.StatusAsync()).GetProperty("status").GetString());
        }
        finally
        {
            sidecar.End();
        }
    }
}
