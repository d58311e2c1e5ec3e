using System.Text.Json;
using System.Text.Json.Serialization;
using SessionOperator.Sidecar.Handover;
using SessionOperator.Sidecar.Journal;
using SessionOperator.Sidecar.Sessions;

namespace SessionOperator.Sidecar;

/// <summary>Serialisers made at compile time: Native AOT has no reflection to make them later.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(JournalEntry))]
[JsonSerializable(typeof(HandedEntry))]
[JsonSerializable(typeof(SessionRecord))]
[JsonSerializable(typeof(AppDescription))]
[JsonSerializable(typeof(ReportRequest))]
[JsonSerializable(typeof(LoadRequest))]
[JsonSerializable(typeof(SaveRequest))]
[JsonSerializable(typeof(DeleteRequest))]
[JsonSerializable(typeof(RowRequest))]
internal sealed partial class SidecarJson : JsonSerializerContext;

/// <summary>Answers keep zeros and falses: the adapter reads them.</summary>
[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(Answer))]
[JsonSerializable(typeof(StatusAnswer))]
[JsonSerializable(typeof(ErrorBody))]
internal sealed partial class AnswerJson : JsonSerializerContext;
