using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace SessionOperator.Operator.Api.Schema;

/// <summary>
/// Makes the structural schema of a C# type: the only place where types are looked at by reflection, and only when the
/// custom resource definition is printed.
/// </summary>
internal static class SchemaGenerator
{
    public static YamlMappingNode Of(Type type)
    {
        var schema = new YamlMappingNode { { "type", "object" } };
        if (type.GetCustomAttribute<DescribedAttribute>() is { } described)
        {
            schema.Add("description", described.Text);
        }
        var properties = new YamlMappingNode();
        var required = new YamlSequenceNode();
        foreach (var property in type.GetProperties(BindingFlags.Public | BindingFlags.Instance))
        {
            var name = JsonNamingPolicy.CamelCase.ConvertName(property.Name);
            properties.Add(name, Field(property));
            if (property.IsDefined(typeof(MustAttribute)))
            {
                required.Add(name);
            }
        }
        schema.Add("properties", properties);
        if (required.Children.Count > 0)
        {
            schema.Add("required", required);
        }
        if (type.GetCustomAttribute<AnyOfAttribute>() is { } any)
        {
            schema.Add("anyOf", new YamlSequenceNode(any.Fields.Select(field => new YamlMappingNode { { "required", new YamlSequenceNode(field) } })));
        }
        return schema;
    }

    private static YamlMappingNode Field(PropertyInfo property)
    {
        var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        var schema = Shape(type);
        if (property.GetCustomAttribute<DescribedAttribute>() is not { } described)
        {
            throw new InvalidOperationException($"{property.DeclaringType!.Name}.{property.Name} has no description; give it [Described(...)]");
        }
        // What the field means here says more than what its type means everywhere.
        schema.Children[new YamlScalarNode("description")] = described.Text;
        if (property.GetCustomAttribute<DefaultAttribute>() is { } preset)
        {
            schema.Add("default", preset.Value is "{}" ? new YamlMappingNode { Style = YamlDotNet.Core.Events.MappingStyle.Flow } : Scalar(preset.Value));
        }
        if (property.GetCustomAttribute<OneOfAttribute>() is { } oneOf)
        {
            schema.Add("enum", Words(oneOf.Words));
        }
        if (property.GetCustomAttribute<MatchesAttribute>() is { } matches)
        {
            schema.Add("pattern", Quoted(matches.Pattern));
        }
        if (property.GetCustomAttribute<BoundsAttribute>() is { } bounds)
        {
            Bound(schema, type, bounds);
        }
        if (property.GetCustomAttribute<KeyedByAttribute>() is { } keyed)
        {
            schema.Add("x-kubernetes-list-type", "map");
            schema.Add("x-kubernetes-list-map-keys", new YamlSequenceNode(keyed.Key));
        }
        return schema;
    }

    private static YamlMappingNode Shape(Type type)
    {
        if (type == typeof(string))
        {
            return new YamlMappingNode { { "type", "string" } };
        }
        if (type == typeof(bool))
        {
            return new YamlMappingNode { { "type", "boolean" } };
        }
        if (type == typeof(DateTimeOffset))
        {
            return new YamlMappingNode { { "type", "string" }, { "format", "date-time" } };
        }
        if (type.IsEnum)
        {
            return new YamlMappingNode { { "type", "string" }, { "enum", Words(Enum.GetNames(type)) } };
        }
        if (type == typeof(int) || type == typeof(long) || type == typeof(ulong))
        {
            return new YamlMappingNode { { "type", "integer" }, { "format", type == typeof(int) ? "int32" : "int64" } };
        }
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyDictionary<,>))
        {
            return new YamlMappingNode { { "type", "object" }, { "additionalProperties", Shape(type.GetGenericArguments()[1]) } };
        }
        return typeof(IEnumerable).IsAssignableFrom(type)
            ? new YamlMappingNode { { "type", "array" }, { "items", Shape(type.GetGenericArguments()[0]) } }
            : Of(type);
    }

    private static void Bound(YamlMappingNode schema, Type type, BoundsAttribute bounds)
    {
        var (least, most) = type == typeof(string) ? ("minLength", "maxLength")
            : typeof(IEnumerable).IsAssignableFrom(type) ? ("minItems", "maxItems") : ("minimum", "maximum");
        schema.Add(least, Scalar(bounds.Least));
        if (bounds.Most < long.MaxValue)
        {
            schema.Add(most, Scalar(bounds.Most));
        }
    }

    /// <summary>Quoted: True and False are words here, too.</summary>
    private static YamlSequenceNode Words(IEnumerable<string> words) => new(words.Select(Quoted))
    {
        Style = YamlDotNet.Core.Events.SequenceStyle.Flow,
    };

    private static YamlScalarNode Scalar(object value) => new(Convert.ToString(value, CultureInfo.InvariantCulture));

    private static YamlScalarNode Quoted(string text) => new(text) { Style = ScalarStyle.SingleQuoted };
}
