using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using SessionOperator.Operator.Kubernetes;

namespace SessionOperator.Operator.Housekeeping.Events;

/// <summary>Writes events of core/v1, which every server from 1.20 to 1.36 takes and `kubectl describe` shows. Needs the rights to create and to patch them.</summary>
/// <param name="calls">Reaches the API server.</param>
/// <param name="replica">The pod that writes.</param>
public sealed class EventApi(ApiCalls calls, string replica)
{
    private const string Component = "session-operator";
    private const int MaxMessage = 1000;
    private const int MaxName = 200;

    /// <summary>False when it was there already.</summary>
    /// <param name="note">What to write.</param>
    /// <param name="name">As <see cref="NameOf"/> gave it.</param>
    /// <param name="leftOut">How many of its kind were left out before it.</param>
    /// <param name="now">The time.</param>
    /// <param name="cancellation">Ends the attempt.</param>
    /// <exception cref="ApiException">The server says no.</exception>
    /// <exception cref="ApiUnavailableException">No answer; it may be written all the same.</exception>
    public async Task<bool> CreateAsync(Note note, string name, int leftOut, DateTimeOffset now, CancellationToken cancellation)
    {
        var (about, at) = (note.About, Seconds(note.At ?? now));
        var more = leftOut == 0 ? "" : $" ({leftOut} of this kind before it were not written)";
        try
        {
            await calls.PostAsync<JsonElement>(Folder(about), new
            {
                apiVersion = "v1",
                kind = "Event",
                metadata = new { name, @namespace = about.Namespace },
                involvedObject = new { about.ApiVersion, about.Kind, about.Namespace, about.Name, about.Uid },
                reason = note.Reason,
                message = Fleet.Checks.Line(note.Message, MaxMessage) + more,
                type = note.Warning ? "Warning" : "Normal",
                source = new { component = Component, host = replica },
                firstTimestamp = at,
                lastTimestamp = at,
                count = 1,
            }, cancellation);
            return true;
        }
        catch (ApiException there) when (there.Status == HttpStatusCode.Conflict)
        {
            return false;
        }
    }

    /// <summary>The same has happened again. False when the event is gone by now.</summary>
    /// <inheritdoc cref="CreateAsync"/>
    /// <param name="note">What was written.</param>
    /// <param name="name">Its event.</param>
    /// <param name="count">How often it has happened.</param>
    /// <param name="now">The time.</param>
    /// <param name="cancellation">Ends the attempt.</param>
    public async Task<bool> RepeatAsync(Note note, string name, int count, DateTimeOffset now, CancellationToken cancellation)
    {
        try
        {
            await calls.MergeAsync<JsonElement>($"{Folder(note.About)}/{name}", new { count, lastTimestamp = Seconds(note.At ?? now) }, cancellation);
            return true;
        }
        catch (ApiException gone) when (gone.Status == HttpStatusCode.NotFound)
        {
            return false;
        }
    }

    /// <summary>The same for the same object and key; else like no other.</summary>
    public static string NameOf(Note note)
    {
        var mark = note.Key is { } key
            ? Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{note.About.Uid} {key}")))[..16]
            : Guid.NewGuid().ToString("n")[..16];
        var name = note.About.Name.Length <= MaxName ? note.About.Name : note.About.Name[..MaxName].TrimEnd('.', '-');
        return $"{name}.{mark}";
    }

    private static string Folder(Subject about) => $"api/v1/namespaces/{about.Namespace}/events";

    private static string Seconds(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
