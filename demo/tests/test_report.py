"""Each bar must be missed when it is missed, and the shape of the report must be the one that was promised."""
import unittest
import xml.etree.ElementTree

from demo.harness import bars, report, timeline
from demo.harness.client import Event
from demo.harness.judge import Verdict
from demo.harness.scenario import Outcome
from demo.harness.watch import recovered_at

TIMES = {"begin": 0.0, "fault": 10.0, "begun": 10.1, "lifted": 25.0, "end": 37.0}
PROMISED = {"name", "variant", "requests", "inFault", "acknowledgedChanges", "lost", "loggedOutDuringFault",
            "resurrected", "cookiesDropped", "recoverySeconds"}


def events(inside=200, after=200, user=200, auth=200):
    """Ten session-only requests a second, one user page and one login or logout."""
    made = []
    for tenth in range(370):
        moment = tenth / 10
        status = 200 if moment < 10 else inside if moment < 25 else after
        made.append(Event("user0", "write" if tenth % 10 == 0 else "light", moment, moment + 0.01, status))
        if tenth % 10 == 5:
            fault = 10 <= moment < 25
            made.append(Event("user0", "user", moment, moment + 0.01, user if fault else 200))
            made.append(Event("user1", "login" if tenth % 20 == 5 else "flush", moment, moment + 0.01, auth if fault else 200))
    return made


def entry(name="stop", variant="protected", recovery=2.0, verdict=None, deadline=None, **statuses):
    verdict = verdict or Verdict(acknowledged_changes=30)
    return report.entry(name, variant, events(**statuses), TIMES, verdict, recovery, deadline)


class Shape(unittest.TestCase):
    def test_the_promised_names_are_there(self):
        made = entry(inside=503)
        self.assertLessEqual(PROMISED, set(made))
        self.assertEqual({"200": 0, "400": 0, "500": 0, "503": 150}, made["inFault"]["session"])
        self.assertEqual({"200": 15, "400": 0, "500": 0, "503": 0}, made["inFault"]["user"])
        self.assertEqual(8, made["loggedInDuringFault"])
        self.assertEqual(7, made["loggedOutDuringFault"])

    def test_no_answer_is_a_status_of_its_own(self):
        self.assertEqual(150, entry(inside=0)["inFault"]["session"]["0"])

    def test_the_table_has_a_line_for_each(self):
        table = report.table([entry("stop", "stock", inside=400), entry(recovery=None)])
        self.assertIn("100% failed", table)
        self.assertIn("never", table)

    def test_hanging_and_refusing_are_told_apart(self):
        silent = {**entry("freeze", "stock"), "unansweredInFault": 20, "rateInFault": 0.2}
        refusing = {**entry("kill9", "stock", inside=400), "unansweredInFault": 3, "rateInFault": 0.2}
        self.assertEqual("all hang", report.headline(silent))
        self.assertEqual("100% failed", report.headline(refusing))

    def test_the_picture_is_well_formed_and_says_which_is_which(self):
        outcomes = [Outcome(entry(variant=variant), events(), TIMES, [(0.0, "Normal"), (10.1, "Cache"), (26.0, "Normal")])
                    for variant in ("stock", "protected")]
        text = "".join(xml.etree.ElementTree.fromstring(timeline.picture(outcomes)).itertext())
        for words in ("stop, stock", "stop, protected", "PostgreSQL stopped", "mode Cache"):
            self.assertIn(words, text)


class Bars(unittest.TestCase):
    def misses(self, words, *arguments, **more):
        missed = bars.missed(entry(*arguments, **more))
        self.assertEqual(1, len(missed), missed)
        self.assertIn(words, missed[0])

    def test_a_good_run_misses_nothing(self):
        self.assertEqual([], bars.missed(entry("stop", "stock", inside=400)))
        for name in ("stop", "kill9", "readonly", "freeze"):
            self.assertEqual([], bars.missed(entry(name)))

    def test_stock_that_does_not_fail_shows_nothing(self):
        self.misses("only 0%", "readonly", "stock")

    def test_one_failure_in_the_fault_is_one_too_many(self):
        broken = entry()
        broken["inFault"]["session"].update({"503": 1})
        self.assertEqual(1, len(bars.missed(broken)))

    def test_a_failure_after_the_fault(self):
        self.misses("before or after", after=500, recovery=2.0)

    def test_a_frozen_database_that_holds_the_app(self):
        missed = bars.missed(entry("freeze", inside=503))
        self.assertTrue(any("after the first deadline" in line for line in missed), missed)

    def test_pages_that_query_the_frozen_database_beside_it(self):
        self.assertEqual([], bars.missed(entry("freeze-mixed", user=500)))
        self.misses("no user page failed", "freeze-mixed")
        held = {**entry("freeze-mixed", user=500), "unansweredInFault": 1}
        self.assertEqual(1, len(bars.missed(held)))

    def test_readonly_user_pages_and_logins(self):
        self.misses("user pages failed", "readonly", user=503)
        missed = " ".join(bars.missed(entry("readonly", auth=503)))
        for words in ("logins and logouts failed", "nobody logged in", "nobody logged out"):
            self.assertIn(words, missed)

    def test_recovery(self):
        self.misses("for ever", recovery=None)
        self.misses("10.5", recovery=10.5)

    def test_every_number_of_the_verdict_where_we_are_in_charge(self):
        for field in ("lost", "resurrected", "cookies_dropped", "stale_reads", "signed_out", "ids_reused", "logins_lost"):
            for variant, inside, missed in (("stock", 400, 0), ("protected", 200, 1)):
                with self.subTest(field=field, variant=variant):
                    verdict = Verdict(acknowledged_changes=30, **{field: 1})
                    self.assertEqual(missed, len(bars.missed(entry("stop", variant, verdict=verdict, inside=inside))))

    def test_a_run_without_an_acknowledged_change_shows_nothing(self):
        for variant, inside in (("stock", 400), ("protected", 200)):
            with self.subTest(variant=variant):
                missed = bars.missed(entry("stop", variant, verdict=Verdict(), inside=inside))
                self.assertTrue(any("nothing was shown" in line for line in missed), missed)


class Recovery(unittest.TestCase):
    def test_from_the_first_moment_after_which_every_row_follows(self):
        polls = [(25.2, False), (25.4, True), (25.6, False), (25.8, True), (26.0, True)]
        self.assertAlmostEqual(0.8, recovered_at(polls, [], 25.0))

    def test_a_later_failure_counts(self):
        self.assertAlmostEqual(3.0, recovered_at([(25.2, True), (29.0, True)], [28.0], 25.0))

    def test_rows_that_stand_still_at_the_end(self):
        self.assertIsNone(recovered_at([(25.2, True), (30.0, False)], [], 25.0))
        self.assertIsNone(recovered_at([], [], 25.0))
