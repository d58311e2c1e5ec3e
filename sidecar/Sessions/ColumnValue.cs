using System.Text.Json;

namespace SessionOperator.Sidecar.Sessions;

/// <summary>A column's value as the API carries it, in the text form a database reads.</summary>
internal static class ColumnValue
{
    /// <summary>Text for the database's own input function, bytes for a binary column, null for NULL.</summary>
    /// <exception cref="FormatException">An array, or an object other than {"base64": "..."}.</exception>
    public static object? Of(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null or JsonValueKind.Undefined => null,
        JsonValueKind.String => Text(value),
        JsonValueKind.Number => value.GetRawText(),
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        JsonValueKind.Object when value.TryGetProperty("base64", out var text) && text.TryGetBytesFromBase64(out var bytes) => bytes,
        _ => throw new FormatException("a column value must be a string, number, boolean, null or {\"base64\": \"...\"}"),
    };

    private static string? Text(JsonElement value)
    {
        try
        {
            return value.GetString();
        }
        catch (InvalidOperationException)
        {
            // Half of a surrogate pair: JSON can spell it, no text column can hold it.
            throw new FormatException("a column value must be text that UTF-8 can hold");
        }
    }
}
