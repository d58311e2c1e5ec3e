using SessionOperator.Sidecar;
using SessionOperator.Sidecar.Install;

if (await Commands.RunAsync(args, Console.Out, Console.Error) is { } done)
{
    return done;
}

Options options;
try
{
    options = Options.Parse(args, Environment.GetEnvironmentVariable);
}
catch (FormatException e)
{
    Console.Error.WriteLine(e.Message);
    Console.Error.WriteLine(Options.Usage);
    Console.Error.WriteLine(Commands.Usage);
    return 2;
}

try
{
    await using var sidecar = SidecarHost.Create(options);
    await sidecar.RunAsync();
    return 0;
}
catch (Exception e) when (e is IOException or UnauthorizedAccessException)
{
    Console.Error.WriteLine($"cannot start: {e.Message}");
    return 1;
}
