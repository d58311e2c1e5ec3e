namespace SessionOperator.Operator.Api.Schema;

/// <summary>What a field means; becomes its description in the custom resource definition.</summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Class)]
public sealed class DescribedAttribute(string text) : Attribute
{
    public string Text => text;
}

/// <summary>The value the API server fills in where nothing is written.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class DefaultAttribute(object value) : Attribute
{
    public object Value => value;
}

/// <summary>The words that may be written; for fields whose C# type is no enum, or wider.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class OneOfAttribute(params string[] words) : Attribute
{
    public IReadOnlyList<string> Words => words;
}

/// <summary>The whole text has this form. The API server shows the expression to whoever writes something else.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class MatchesAttribute(string pattern) : Attribute
{
    public string Pattern => pattern;
}

/// <summary>Least and most: of a number its value, of a text its characters, of a list its items.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class BoundsAttribute(long least, long most) : Attribute
{
    public long Least => least;

    public long Most => most;
}

/// <summary>Must be written.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class MustAttribute : Attribute;

/// <summary>At least one of these fields must be written.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class AnyOfAttribute(params string[] fields) : Attribute
{
    public IReadOnlyList<string> Fields => fields;
}

/// <summary>The list is a map by this field of its items.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class KeyedByAttribute(string key) : Attribute
{
    public string Key => key;
}
