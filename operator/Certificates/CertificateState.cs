using System.Collections.Immutable;

namespace SessionOperator.Operator.Certificates;

/// <summary>A certificate authority of our own.</summary>
/// <param name="Name">Its subject; unique.</param>
/// <param name="Certificate">PEM.</param>
/// <param name="Key">PEM; null once it will never sign again.</param>
/// <param name="PublishedAt">Since when the bundle contains it.</param>
/// <param name="EndsAt">The end of its validity.</param>
public sealed record Authority(string Name, string Certificate, string? Key, DateTimeOffset PublishedAt, DateTimeOffset EndsAt);

/// <summary>What the operator shows to those who connect.</summary>
/// <param name="Issuer">The <see cref="Authority.Name"/> of who signed it.</param>
/// <param name="Names">The DNS names and IP addresses it is valid for.</param>
/// <param name="Certificate">PEM.</param>
/// <param name="Key">PEM.</param>
/// <param name="SignedAt">When it was signed.</param>
/// <param name="EndsAt">The end of its validity.</param>
public sealed record Serving(
    string Issuer, ImmutableSortedSet<string> Names, string Certificate, string Key, DateTimeOffset SignedAt, DateTimeOffset EndsAt);

/// <summary>All there is: what is kept in the Secret, and what all replicas agree about.</summary>
/// <param name="Authorities">Those that clients must trust, oldest first.</param>
/// <param name="Serving">Null before the first one was signed.</param>
public sealed record CertificateState(ImmutableList<Authority> Authorities, Serving? Serving)
{
    public static readonly CertificateState Empty = new([], null);

    /// <summary>PEM of all authorities: what clients are given.</summary>
    public string Bundle => string.Join('\n', Authorities.Select(authority => authority.Certificate.Trim())) + '\n';
}
