"""The judge must see what it is there to see: each test plants one violation in an honest history."""
import unittest

from demo.harness.client import Event
from demo.harness.judge import judge

LOGIN_AT = 10.0


class History:
    """Writes what one client saw; one request a second."""

    def __init__(self):
        self.events, self.now = [], LOGIN_AT

    def add(self, kind, key, status=200, user="1", counter=None, cart=(), **more):
        state = {"counter": counter, "cart": list(cart)} if status == 200 else None
        self.events.append(Event("somebody", kind, self.now, self.now + 0.1, status, key,
                                 user=user if status == 200 else None, state=state, **more))
        self.now += 1
        return self

    def login(self, key="a", before=None, **more):
        return self.add("login", before, new_key=key, **more)

    def write(self, key, how, value, status=200, **more):
        return self.add("write", key, status, change=(how, value), **more)


def rows(last_login=LOGIN_AT + 0.05, **sessions):
    return {"sessions": sessions, "lastLogins": {"1": last_login}}


def row(user="1", counter=None, cart=()):
    return {"user": user, "state": {"counter": counter, "cart": list(cart)}}


class Honest(unittest.TestCase):
    def test_an_honest_run_has_no_findings(self):
        history = (History().login().write("a", "top", 7, counter=7).write("a", "nested", 8, counter=7, cart=[8])
                   .add("light", "a", counter=7, cart=[8]).add("user", "a", counter=7, cart=[8]))
        verdict = judge(history.events, rows(a=row(counter=7, cart=[8])))
        self.assertEqual([], verdict.findings)
        self.assertEqual(2, verdict.acknowledged_changes)

    def test_a_refused_change_may_be_there_or_not(self):
        history = History().login().write("a", "top", 7, counter=7).write("a", "top", 8, status=400)
        for counter in (7, 8):
            self.assertEqual([], judge(history.events, rows(a=row(counter=counter))).findings)

    def test_a_change_that_was_never_answered_may_come_late(self):
        history = (History().login().write("a", "top", 7, status=0).write("a", "nested", 8, cart=[8]))
        for found in (row(cart=[8]), row(counter=7)):
            self.assertEqual([], judge(history.events, rows(a=found)).findings)

    def test_a_logged_out_session_is_gone(self):
        history = History().login().add("flush", "a", user=None, dropped=True).add("replay", "a", user=None, dropped=True)
        self.assertEqual([], judge(history.events, rows()).findings)


class Lost(unittest.TestCase):
    def lost(self, history, **found):
        return judge(history.events, rows(**found)).lost

    def test_a_plain_change_that_the_row_does_not_hold(self):
        history = History().login().write("a", "top", 7, counter=7).write("a", "top", 8, counter=8)
        self.assertEqual(1, self.lost(history, a=row(counter=7)))

    def test_each_nested_change_that_the_row_does_not_hold(self):
        history = History().login().write("a", "nested", 7, cart=[7]).write("a", "nested", 8, cart=[7, 8])
        self.assertEqual(2, self.lost(history, a=row()))

    def test_a_session_without_a_row(self):
        self.assertEqual(1, self.lost(History().login()))
        self.assertEqual(2, self.lost(History().login().write("a", "top", 7, counter=7).write("a", "top", 8, counter=8)))

    def test_a_row_of_somebody_else(self):
        self.assertEqual(1, self.lost(History().login(), a=row(user="2")))

    def test_a_refused_change_is_no_excuse_for_an_older_state(self):
        history = (History().login().write("a", "top", 6, counter=6).write("a", "top", 7, counter=7)
                   .write("a", "top", 8, status=503))
        self.assertEqual(1, self.lost(history, a=row(counter=6)))

    def test_a_refused_change_that_comes_back_after_it_was_seen_not_to_be_there(self):
        history = (History().login().write("a", "top", 7, counter=7).write("a", "top", 8, status=400)
                   .add("light", "a", counter=7))
        self.assertEqual(1, self.lost(history, a=row(counter=8)))

    def test_an_anonymous_change_acknowledged_without_a_session(self):
        self.assertEqual(1, self.lost(History().write(None, "top", 7, user=None, counter=7)))

    def test_an_anonymous_session_created_in_the_outage(self):
        history = History().write(None, "top", 7, user=None, counter=7, new_key="a")
        self.assertEqual(0, self.lost(history, a=row(user=None, counter=7)))
        self.assertEqual(1, self.lost(history))

    def test_what_the_session_held_before_the_login(self):
        history = (History().write(None, "top", 7, user=None, counter=7, new_key="a")
                   .login("b", before="a", counter=7))
        self.assertEqual(0, judge(history.events, rows(20.0, b=row(counter=7))).lost)
        self.assertEqual(1, judge(history.events, rows(20.0, b=row())).lost)

    def test_a_later_answer_does_not_whitewash_a_lost_change(self):
        history = (History().login().write("a", "nested", 7, cart=[7]).write("a", "nested", 8, cart=[8]))
        verdict = judge(history.events, rows(a=row(cart=[8])))
        self.assertEqual((1, 1), (verdict.lost, verdict.stale_reads))

    def test_an_older_last_login(self):
        self.assertEqual(1, judge(History().login().events, rows(LOGIN_AT - 1, a=row())).logins_lost)


class Resurrected(unittest.TestCase):
    def test_an_old_cookie_that_is_logged_in(self):
        history = History().login().add("flush", "a", user=None, dropped=True)
        history.add("replay", "a").add("replay", "a")
        self.assertEqual(1, judge(history.events, rows()).resurrected)

    def test_a_row_of_a_session_that_was_logged_out(self):
        history = History().login().add("logout", "a", user=None, dropped=True)
        self.assertEqual(1, judge(history.events, rows(a=row())).resurrected)

    def test_a_session_id_that_a_login_replaced(self):
        history = History().write(None, "top", 7, user=None, counter=7, new_key="a").login("b", before="a", counter=7)
        verdict = judge(history.events, rows(20.0, a=row(user=None, counter=7), b=row(counter=7)))
        self.assertEqual(1, verdict.resurrected)

    def test_a_refused_logout_is_not_a_logout(self):
        history = History().login().add("logout", "a", status=500)
        self.assertEqual([], judge(history.events, rows(a=row())).findings)
        self.assertEqual([], judge(history.events, rows()).findings)

    def test_a_login_under_the_old_session_id(self):
        history = History().write(None, "top", 7, user=None, counter=7, new_key="a").login("a", before="a", counter=7)
        self.assertEqual(1, judge(history.events, rows(a=row(user=None, counter=7))).ids_reused)


class CutShort(unittest.TestCase):
    """A login that was under way when a part of ours was killed."""

    def setUp(self):
        self.history = History().write(None, "top", 7, user=None, counter=7, new_key="a")
        self.kills = [(self.history.now, self.history.now + 0.05)]
        self.history.login(None, before="a", status=500)

    def verdict(self, kills=None, **found):
        return judge(self.history.events, rows(20.0, **found), self.kills if kills is None else kills)

    def test_the_old_session_may_have_ended_or_not(self):
        self.assertEqual([], self.verdict().findings)
        self.assertEqual([], self.verdict(a=row(user=None, counter=7)).findings)

    def test_a_login_that_was_not_cut_short_ends_no_session(self):
        self.assertEqual(1, self.verdict(kills=[]).lost)
        self.assertEqual(1, self.verdict(kills=[(0, 1), (99, 100)]).lost)

    def test_what_was_acknowledged_in_it_holds_while_it_lives(self):
        self.assertEqual(1, self.verdict(a=row(user=None)).lost)

    def test_the_next_login_keeps_what_it_held_or_nothing(self):
        self.history.login("b", before="a", counter=7)
        self.assertEqual([], self.verdict(b=row(counter=7)).findings)
        self.history.events.pop()
        self.history.login("b", before="a")
        self.assertEqual([], self.verdict(b=row()).findings)
        self.assertEqual(1, self.verdict(kills=[], b=row()).stale_reads)

    def test_once_seen_to_have_ended_it_stays_so(self):
        self.history.write("a", "top", 8, user=None, counter=8, new_key="c")
        self.assertEqual([], self.verdict(c=row(user=None, counter=8)).findings)
        self.assertEqual(1, self.verdict(a=row(user=None, counter=7), c=row(user=None, counter=8)).resurrected)
        self.assertEqual(1, self.verdict().lost)
        self.assertEqual(1, self.verdict(kills=[], c=row(user=None, counter=8)).cookies_dropped)


class Cookies(unittest.TestCase):
    def test_a_cookie_deleted_by_a_good_answer(self):
        history = History().login().add("light", "a", user=None, dropped=True)
        verdict = judge(history.events, rows(a=row()))
        self.assertEqual((1, 1), (verdict.cookies_dropped, verdict.signed_out))

    def test_a_cookie_deleted_by_an_error(self):
        history = History().login().add("light", "a", status=500, dropped=True)
        self.assertEqual(1, judge(history.events, rows(a=row())).cookies_dropped)

    def test_a_session_replaced_without_a_login(self):
        history = History().login().add("light", "a", new_key="b")
        self.assertEqual(1, judge(history.events, rows(a=row())).cookies_dropped)

    def test_a_cookie_deleted_after_a_logout_in_doubt(self):
        history = History().login().add("logout", "a", status=500).add("light", "a", status=500, dropped=True)
        self.assertEqual(0, judge(history.events, rows()).cookies_dropped)
        self.assertEqual(1, judge(history.events, rows(a=row())).cookies_dropped)


class Stale(unittest.TestCase):
    def test_an_answer_older_than_the_last_acknowledged_change(self):
        history = History().login().write("a", "top", 7, counter=7).add("light", "a")
        self.assertEqual(1, judge(history.events, rows(a=row(counter=7))).stale_reads)
