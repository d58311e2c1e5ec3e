using SessionOperator.Sidecar.Replay;
using SessionOperator.Sidecar.Sessions;
using SessionOperator.Sidecar.Tests.Support;

namespace SessionOperator.Sidecar.Tests.Replay;

public class ReplayDecisionTests
{
    private const string Root = "eyJh.root:1abc:signature";

    // The stable prefix of the row the change was made from, as an adapter fingerprints it.
    private static readonly Fingerprint Base = Fingerprints.Of("eyJh.root");

    private static (RowAction, DropReason) Decide(SessionRecord record, string? row, bool fenced) =>
        ReplayDecision.Decide(record, row, Make.Data, fenced, insertable: fenced);

    [Fact]
    public void A_session_created_in_the_outage_is_inserted_behind_the_fence() =>
        Assert.Equal((RowAction.Insert, DropReason.None), Decide(Make.Record("a", born: true), null, fenced: true));

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public void A_row_that_is_gone_stays_gone(bool born, bool fenced) =>
        Assert.Equal((RowAction.None, DropReason.RowGone), Decide(Make.Record("a", born: born), null, fenced));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_optional_change_of_a_row_that_is_gone_does_not_bring_it_back(bool fenced) =>
        Assert.Equal((RowAction.None, DropReason.RowGone), Decide(Make.Record("a", dirty: false), null, fenced));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_optional_change_moves_the_expiry_and_never_writes_data(bool fenced) =>
        Assert.Equal((RowAction.MoveExpiry, DropReason.None), Decide(Make.Record("a", dirty: false, root: Base), Root, fenced));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_expiry_of_a_row_that_was_changed_since_stays(bool fenced) =>
        Assert.Equal((RowAction.None, DropReason.Superseded), Decide(Make.Record("a", dirty: false, root: Base), "somebody else's newer data", fenced));

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_the_row_already_holds_is_not_written_twice(bool fenced) =>
        Assert.Equal((RowAction.MoveExpiry, DropReason.None), Decide(Make.Record("a", data: "same"), "same", fenced));

    [Fact]
    public void Behind_the_fence_the_record_is_the_newest() =>
        Assert.Equal((RowAction.Write, DropReason.None), Decide(Make.Record("a"), "whatever the row held", fenced: true));

    [Fact]
    public void Past_the_fence_a_record_is_written_onto_the_row_it_was_made_from() =>
        Assert.Equal((RowAction.Write, DropReason.None), Decide(Make.Record("a", root: Base), Root, fenced: false));

    [Fact]
    public void The_moment_of_signing_does_not_matter() =>
        Assert.Equal((RowAction.Write, DropReason.None), Decide(Make.Record("a", root: Base), "eyJh.root:9xyz:other", fenced: false));

    [Theory]
    [InlineData("step1")]
    [InlineData("step2")]
    public void Past_the_fence_a_record_is_written_onto_any_state_of_its_own_chain(string row) =>
        Assert.Equal((RowAction.Write, DropReason.None),
            Decide(Make.Record("a", 3, "step3", root: Base, lineage: ["step1", "step2"]), row, fenced: false));

    [Theory]
    [InlineData("eyJh.roo")]
    [InlineData("")]
    [InlineData("changed by somebody else")]
    public void Past_the_fence_any_other_row_stays(string row) =>
        Assert.Equal((RowAction.None, DropReason.Superseded),
            Decide(Make.Record("a", 3, "step3", root: Base, lineage: ["step1"]), row, fenced: false));

    [Fact]
    public void Past_the_fence_a_record_of_unknown_origin_is_foreign_to_every_row() =>
        Assert.Equal((RowAction.None, DropReason.Superseded), Decide(Make.Record("a"), Root, fenced: false));

    [Fact]
    public void A_born_session_whose_row_is_there_is_updated() =>
        Assert.Equal((RowAction.Write, DropReason.None), Decide(Make.Record("a", 2, "two", born: true, lineage: ["one"]), "one", fenced: false));
}
