namespace SessionOperator.Sidecar.Tests;

public class OptionsTests
{
    private static readonly string[] Needed = ["--directory", "/run/d", "--journal", "/var/j", "--database", "shop/orders"];

    private static Options Parse(string[] arguments, params (string Name, string Value)[] environment) =>
        Options.Parse(arguments, name => environment.FirstOrDefault(e => e.Name == name).Value);

    [Fact]
    public void What_is_not_said_has_a_default()
    {
        var options = Parse(Needed);
        Assert.Equal(("/run/d", "/var/j", "shop/orders"), (options.Directory, options.Journal, options.Database));
        Assert.Null(options.Operator);
        Assert.Null(options.Http);
        Assert.Equal(Environment.MachineName, options.Pod);
        Assert.Equal(TimeSpan.FromSeconds(1.5), options.Deadline);
        Assert.Equal(TimeSpan.FromSeconds(25), options.Grace);
    }

    [Fact]
    public void Everything_can_be_said()
    {
        var options = Parse([.. Needed, "--operator=http://127.0.0.1:7443", "--pod", "web-1", "--http=[::1]:7081", "--deadline", "200", "--grace", "0"]);
        Assert.Equal(("http://127.0.0.1:7443", "web-1", "[::1]:7081"), (options.Operator, options.Pod, options.Http!.ToString()));
        Assert.Equal((TimeSpan.FromMilliseconds(200), TimeSpan.Zero), (options.Deadline, options.Grace));
    }

    [Fact]
    public void How_the_operator_is_trusted_can_be_said_in_the_environment_too()
    {
        var options = Parse([.. Needed, "--operator=https://op:7443", "--token", "/t"], ("SESSION_OPERATOR_OPERATOR_CA", "/c"));
        Assert.Equal(("/t", "/c"), (options.Token, options.OperatorCa));
    }

    [Fact]
    public void Metrics_on_every_address_are_no_condition()
    {
        var options = Parse([.. Needed, "--http", "*:7081", "--adapter", "/adapter"]);
        Assert.Equal((7081, true, "/adapter"), (options.Http!.Port, options.HttpIfFree, options.Adapter));
        Assert.False(Parse([.. Needed, "--http", "127.0.0.1:7081"]).HttpIfFree);
    }

    [Fact]
    public void The_flag_wins_over_the_environment_and_an_empty_variable_is_none()
    {
        var options = Parse(Needed,
            ("SESSION_OPERATOR_DIRECTORY", "/other"), ("SESSION_OPERATOR_POD", "web-2"), ("SESSION_OPERATOR_OPERATOR", ""));
        Assert.Equal(("/run/d", "web-2"), (options.Directory, options.Pod));
        Assert.Null(options.Operator);
    }

    [Theory]
    [InlineData("--directroy is unknown", "unknown argument \"--directroy\"; known are --directory, --journal", "--directroy", "/x")]
    [InlineData("no dashes", "unknown argument \"pod\"", "pod", "x")]
    [InlineData("no value", "--pod needs a value", "--pod")]
    [InlineData("not namespace/name", "--database \"orders\" is not namespace/name", "--database", "orders")]
    [InlineData("three parts", "--database \"a/b/c\" is not namespace/name", "--database", "a/b/c")]
    [InlineData("empty part", "--database \"/b\" is not namespace/name", "--database", "/b")]
    [InlineData("no scheme", "--operator \"localhost:7443\" is not http://host:port or https://host:port", "--operator", "localhost:7443")]
    [InlineData("token in clear", "--token needs --operator https://host:port: a token must not travel", "--operator", "http://a:1", "--token", "/t")]
    [InlineData("token to nobody", "--token needs --operator https://host:port", "--token", "/t")]
    [InlineData("nothing to vouch for", "--operator-ca needs --operator https://host:port", "--operator", "http://a:1", "--operator-ca", "/c")]
    [InlineData("a name", "--http \"localhost:7081\" is not address:port, such as 127.0.0.1:7081", "--http", "localhost:7081")]
    [InlineData("any, no port", "--http \"*:\" is not address:port", "--http", "*:")]
    [InlineData("no port", "--http \"127.0.0.1\" is not address:port", "--http", "127.0.0.1")]
    [InlineData("too short", "--deadline \"199\" is not a number of milliseconds from 200 to 60000", "--deadline", "199")]
    [InlineData("too long", "--deadline \"60001\" is not a number", "--deadline", "60001")]
    [InlineData("for ever", "--grace \"3601\" is not a number of seconds from 0 to 3600", "--grace", "3601")]
    [InlineData("a word", "--deadline \"2s\" is not a number", "--deadline", "2s")]
    [InlineData("empty", "--directory is empty", "--directory=")]
    [InlineData("empty", "--journal is empty", "--journal", "")]
    public void Wrong_input_is_answered_with_what_to_write(string why, string message, params string[] arguments)
    {
        var error = Assert.Throws<FormatException>(() => Parse([.. Needed, .. arguments]));
        Assert.True(error.Message.StartsWith(message, StringComparison.Ordinal), $"{why}: {error.Message}");
    }

    [Theory]
    [InlineData(0, "--directory is missing: the directory shared with the app")]
    [InlineData(2, "--journal is missing: a directory that outlives the process")]
    [InlineData(4, "--database is missing: the SessionDatabase as namespace/name")]
    public void What_is_needed_is_named(int without, string message)
    {
        var arguments = Needed.Where((_, i) => i != without && i != without + 1).ToArray();
        Assert.Equal(message, Assert.Throws<FormatException>(() => Parse(arguments)).Message);
    }

    [Fact]
    public void A_directory_too_long_for_a_socket_is_refused_by_its_bytes()
    {
        Assert.Equal("/" + new string('d', 96), Parse([.. Needed, "--directory", "/" + new string('d', 96)]).Directory);
        var error = Assert.Throws<FormatException>(() => Parse([.. Needed, "--directory", "/" + new string('d', 97)]));
        Assert.Contains("98 bytes long; a unix socket in it allows 97", error.Message, StringComparison.Ordinal);
        Assert.Throws<FormatException>(() => Parse([.. Needed, "--directory", "/" + new string('ü', 60)]));
    }
}
