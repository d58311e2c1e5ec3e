"""The judge must see what it is there to see: each test plants one violation in an honest history, and names the rule."""
import unittest

from tests.History.judge.event import COOKIE_AGE, EMPTY, changed

from .history import START, History, fault, state

X7, X8 = state({"x": 7}), state({"x": 8})


def used_after_an_unsure_end(*more):
    return History(fault("db-stop", 0.5, 9), *more).login().end("a", status=503).last(unsure=True).write("a", 7)


class Honest(unittest.TestCase):
    def honest(self, history, rows, **more):
        self.assertEqual([], history.verdict(rows, **more))

    def test_a_day_like_any_other(self):
        history = (History().login().write("a", 7).read("a", X7)
                   .add("append", "a", change=("append", 9), shows=state({"x": 7}, log=[9]))
                   .add("nested", "a", change=("nested", "y", 1), shows=state({"x": 7}, {"y": 1}, [9])))
        self.honest(history, {"a": state({"x": 7}, {"y": 1}, [9])})

    def test_a_rotation_carries_what_the_session_held(self):
        history = History().login().write("a", 7).add("cycle", "a", new_key="b", shows=X7).dead("a").read("b", X7)
        self.honest(history, {"b": X7})

    def test_a_logout_and_the_old_cookie(self):
        self.honest(History().login().write("a", 7).end("a").dead("a"), {})

    def test_a_second_login_of_the_same_user_keeps_the_session(self):
        self.honest(History().login().write("a", 7).add("login", "a", shows=X7), {"a": X7})

    def test_a_refused_change_may_be_there_or_not(self):
        history = History(fault("db-stop", 0, 9), fault("sidecar", 0, 9, 0)).login().write("a", 7).write("a", 8, X7, 400)
        for row in (X7, X8):
            self.honest(history, {"a": row})

    def test_a_change_a_frozen_server_carries_out_late(self):
        history = (History(fault("db-freeze", 0.5, 4), fault("sidecar", 0.5, 4, 0)).login().write("a", 7, status=500)
                   .read("a").read("a").read("a"))
        self.honest(history, {"a": X7})

    def test_two_tabs_at_a_time_and_the_last_writer_wins(self):
        history = History().login().write("a", 7, later=0.05).write("a", 8, name="y")
        for row in (X7, state({"y": 8})):
            self.honest(history, {"a": row})

    def test_a_request_beside_a_logout(self):
        history = History().login().write("a", 7, status=400, takes=2.0, later=0.5).end("a")
        self.honest(history, {})

    def test_an_entry_that_a_frozen_cache_took_after_the_logout(self):
        history = (History(fault("cache-freeze", 0.5, 2.05)).login().write("a", 7, status=500).end("a")
                   .add("read", "a", 400, later=0.1).dead("a"))
        self.honest(history, {})

    def test_a_session_that_only_the_database_knows_to_be_ended(self):
        history = (History(fault("db-stop", 1, 9)).login().add("cycle", "a", new_key="b", takes=2.0, later=0.5)
                   .add("read", "a", 503, later=2.0).add("read", "a", 503))
        self.honest(history, {"b": EMPTY})

    def test_a_logout_that_was_not_acknowledged_by_a_worker_that_was_killed(self):
        history = History(fault("worker", 1, 1.1, 0)).login().end("a", status=0)
        self.honest(history, {})
        self.honest(history, {"a": EMPTY})

    def test_a_logout_of_which_nobody_knows_whether_it_came_into_effect(self):
        history = History(fault("db-stop", 0, 9)).login().end("a", status=503).last(unsure=True)
        self.honest(history, {})
        self.honest(history.dead("a"), {})

    def test_a_logout_of_which_nobody_knows_after_which_the_session_went_on(self):
        self.honest(used_after_an_unsure_end(), {"a": X7})
        self.honest(used_after_an_unsure_end(fault("cache-stop", 0.5, 2)), {})

    def test_a_rotation_of_what_a_lost_answer_had_ended_and_one_of_what_came_of_it(self):
        history = (History(fault("worker", 1, 1.1, 0)).write(None, 7, user=None, new_key="a").add("login", "a", 0, user=None)
                   .add("cycle", "a", new_key="b", user=None).add("cycle", "b", new_key="c", user=None).read("c", user=None))
        self.honest(history, {"c": (EMPTY, None, None)})

    def test_a_born_session_nobody_was_told_of(self):
        history = History(fault("worker", 0, 0.1, 0)).add("login", None, 0)
        self.honest(history, {"b": EMPTY})

    def test_a_born_session_nobody_was_told_of_because_its_request_was_beside_a_rotation(self):
        history = (History(fault("cache-stop", 0.5, 4)).login().add("cycle", "a", new_key="b", takes=1.0, later=0.1)
                   .write("a", 7, status=500, takes=1.2))
        self.honest(history, {"b": EMPTY, "c": (X7, None, None)})


class Broken(unittest.TestCase):
    def broken(self, rule, history, rows, **more):
        self.assertEqual([rule], history.rules(rows, **more))

    def test_S1_a_change_that_a_later_answer_does_not_show(self):
        self.broken("S1", History().login().write("a", 7).read("a"), {"a": EMPTY})

    def test_S1_a_change_built_on_an_older_state(self):
        history = History().login().write("a", 7).add("plain", "a", change=("plain", "y", 8), shows=state({"y": 8}))
        self.broken("S1", history, {"a": state({"y": 8})})

    def test_S1_an_appended_value_that_is_there_twice(self):
        history = History().login().add("append", "a", change=("append", 9), shows=state(log=[9])).read("a", state(log=[9, 9]))
        self.broken("S1", history, {"a": state(log=[9, 9])})

    def test_S1_a_refused_change_that_comes_back_after_it_was_seen_not_to_be_there(self):
        history = (History(fault("db-stop", 0, 1.5), fault("sidecar", 0, 1.5, 0)).login().write("a", 7, status=400).read("a")
                   .read("a").read("a").read("a", X7))
        self.broken("S1", history, {"a": X7})

    def test_S1_two_tabs_are_no_excuse_for_an_older_state(self):
        history = History().login().write("a", 6).write("a", 7, X7, later=0.05).write("a", 8, X7).read("a", state({"x": 6}))
        self.broken("S1", history, {"a": state({"x": 6})})

    def test_S1_a_change_acknowledged_without_a_session(self):
        self.broken("S1", History().write(None, 7, user=None), {})

    def test_S1_a_session_without_a_row(self):
        self.broken("S1", History().login().write("a", 7), {})

    def test_S1_a_session_that_went_on_after_an_end_of_which_nobody_knew(self):
        self.broken("S1", used_after_an_unsure_end(), {})

    def test_S2_an_old_cookie_that_is_logged_in(self):
        self.broken("S2", History().login().write("a", 7).end("a").read("a", X7), {})

    def test_S2_an_old_cookie_that_still_shows_data(self):
        self.broken("S2", History().write(None, 7, user=None, new_key="a").end("a").read("a", X7, user=None), {})

    def test_S2_a_row_of_a_session_that_was_ended(self):
        self.broken("S2", History().login().write("a", 7).end("a"), {"a": X7})

    def test_S2_the_id_of_before_a_rotation(self):
        self.broken("S2", History().login().write("a", 7).add("cycle", "a", new_key="b", shows=X7).read("a", X7), {"b": X7})

    def test_S3_a_400_although_nobody_logged_out(self):
        self.broken("S3", History(fault("db-stop", 0, 9)).login().write("a", 7, status=400), {"a": EMPTY})

    def test_S3_a_400_long_before_the_logout(self):
        self.broken("S3", History().login().write("a", 7, status=400).end("a"), {})

    def test_S3_a_400_after_a_logout_with_nobody_beside_it(self):
        history = History(fault("cache-freeze", 0.5, 0.9)).login().write("a", 7).end("a").add("read", "a", 400)
        self.broken("S3", history, {})

    def test_S6_a_logout_that_was_said_to_have_changed_nothing(self):
        self.broken("S6", History(fault("db-stop", 0, 9)).login().end("a", status=503).dead("a"), {"a": EMPTY})

    def test_S4_a_failure_in_peace(self):
        for status in (500, 503, 0):
            self.broken("S4", History().login().add("read", "a", status), {"a": EMPTY})

    def test_S4_a_503_that_does_not_say_when_to_come_back(self):
        history = History(fault("cache-stop", 0, 9)).login().add("read", "a", 503, retry_after=False).last(retry_after=False)
        self.broken("S4", history, {"a": EMPTY})

    def test_S4_a_page_that_needs_the_session_alone_fails_because_of_the_database(self):
        for status in (500, 503):
            self.broken("S4", History(fault("db-stop", 0, 9)).login().add("read", "a", status), {"a": EMPTY})

    def test_S5_a_login_under_the_id_of_before(self):
        history = History().write(None, 7, user=None, new_key="a").add("login", "a", shows=X7)
        self.broken("S5", history, {"a": (X7, None, None)})

    def test_S5_an_id_that_is_given_twice(self):
        history = History().login("a").login("a")
        self.assertIn("S5", history.rules({"a": EMPTY}))

    def test_S5_a_rotation_that_rotates_nothing(self):
        self.broken("S5", History().login().add("cycle", "a"), {"a": EMPTY})

    def test_S5_a_new_session_that_is_not_empty(self):
        self.broken("S5", History().add("login", None, new_key="a", shows=X7), {"a": X7})

    def test_S6_a_cookie_deleted_by_an_error(self):
        history = History(fault("cache-stop", 0, 9)).login().add("read", "a", 500, dropped=True)
        self.broken("S6", history, {"a": EMPTY})

    def test_S6_a_session_that_is_treated_as_none(self):
        self.broken("S6", History().login().dead("a"), {"a": EMPTY})

    def test_S6_a_rotation_that_finds_nothing(self):
        for user, held in (("1", EMPTY), (None, X7)):
            history = History().add("plain", None, user=user, new_key="a", change=("plain", "x", 7) if held == X7 else None, shows=held)
            self.assertIn("S6", history.add("cycle", "a", new_key="b", user=None).rules({"b": (EMPTY, None, None)}))

    def test_S6_a_refused_logout_that_says_nothing_was_changed(self):
        history = History(fault("db-stop", 0, 9)).login().end("a", status=503).dead("a")
        self.broken("S6", history, {"a": EMPTY})

    def test_S6_somebody_elses_session(self):
        self.broken("S6", History().login().read("a", user="2"), {"a": EMPTY})

    def test_S7_a_row_with_an_older_state(self):
        self.broken("S7", History().login().write("a", 7).write("a", 8, X7), {"a": X7})

    def test_S7_a_row_of_somebody_else(self):
        self.broken("S7", History().login(), {"a": (EMPTY, "2", None)})

    def test_S7_a_session_born_in_the_outage_that_is_not_there(self):
        self.broken("S7", History(fault("db-stop", 0, 9)).write(None, 7, user=None, new_key="a"), {})

    def test_S7_an_expiry_that_was_not_moved(self):
        history = History().login().write("a", 7).read("a", X7)
        self.broken("S7", history, {"a": (X7, "1", START + COOKIE_AGE)})

    def test_S7_an_expiry_that_nobody_asked_for(self):
        history = History().login().add("expiry", "a", change=("expiry", 3600), shows=state(expiry=3600))
        self.broken("S7", history, {"a": (state(expiry=3600), "1", START + COOKIE_AGE)})

    def test_S7_a_row_nobody_knows_of(self):
        self.broken("S7", History().login(), {"a": EMPTY, "b": EMPTY})

    def test_S7_an_older_last_login(self):
        self.broken("S7", History().login(), {"a": EMPTY}, logins={"1": START - 1})


class Changes(unittest.TestCase):
    def test_each_kind(self):
        self.assertEqual(state({"x": 1}), changed(EMPTY, ("plain", "x", 1)))
        self.assertEqual(state(nested={"x": 1}), changed(EMPTY, ("nested", "x", 1)))
        self.assertEqual(state(log=[1, 2]), changed(state(log=[1]), ("append", 2)))
        self.assertEqual(state(expiry=5), changed(EMPTY, ("expiry", 5)))
        self.assertEqual({"plain": {}, "nested": {}, "log": [], "expiry": None}, EMPTY)
