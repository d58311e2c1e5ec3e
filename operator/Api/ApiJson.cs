using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace SessionOperator.Operator.Api;

/// <summary>How our objects look in the Kubernetes API: camel case, words for enums, times in UTC without loss.</summary>
public static class ApiJson
{
    public static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(), new UtcTime() },
    };

    /// <summary>The same, but absent values are written as null: a merge patch removes them.</summary>
    public static readonly JsonSerializerOptions Patch = new(Options) { DefaultIgnoreCondition = JsonIgnoreCondition.Never };

    private sealed class UtcTime : JsonConverter<DateTimeOffset>
    {
        public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            DateTimeOffset.Parse(reader.GetString()!, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);

        public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFFFFFF'Z'", CultureInfo.InvariantCulture));
    }
}
