"""The save of each request in Normal, which is watched without a Watch: cut off by the same rules, and never when it is over."""

from support.case import AdapterTest, connection, runtime

import gc
import os
import socket
import threading
import weakref
from unittest import mock

from django.db import connections, transaction
from session_operator import connected, deadline, fallback, operation, stores
from session_operator.connected import connections_of, renew
from session_operator.glance import glance

NORMAL, CACHE = 1000 << 16, 1000 << 16 | 2


class UsualSave(AdapterTest):
    def setUp(self):
        super().setUp()
        self.session = self.store()
        self.session.create()
        renewing = mock.patch.object(connected, "renew")  # in the background, each second
        renewing.start()
        self.addCleanup(renewing.stop)
        renew()
        connections_of(self.session.model)
        self.line = deadline.line_of(connections["default"])  # not the proxy
        self.addCleanup(self.line.clear)

    def save(self, during):
        """The save that writes the row, as cached_db's calls it; `during()` is what happens meanwhile."""
        seen = []

        def original(store, must_create=False):
            seen.append((self.line.started is not None, len(deadline._active)))
            during()

        try:
            stores.routed_and_watched_save(original)(self.session)
        finally:
            self.assertIsNone(self.line.started)
            self.assertEqual((False, False), (self.line.suspected, self.line.cut))
        return seen[0]

    def alive(self):
        with socket.socket(fileno=os.dup(connection.connection.fileno())) as mirror:
            mirror.setblocking(False)
            try:
                return mirror.recv(1, socket.MSG_PEEK) != b""
            except BlockingIOError:
                return True

    def late(self, word=NORMAL):
        self.line.started -= 60
        self.assertEqual(deadline.CLOSE, deadline.cut_overdue(word))

    def test_needs_no_watch(self):
        self.assertEqual((True, 0), self.save(lambda: self.assertTrue(self.alive())))

    def test_in_time_is_not_touched_and_late_is_cut(self):
        def slow():
            deadline.cut_overdue(NORMAL)
            self.assertTrue(self.alive())
            self.late()
            self.assertFalse(self.alive())
            self.late()  # cut already
            raise ValueError

        with self.assertRaises(ValueError) as caught:
            self.save(slow)
        self.assertTrue(caught.exception.session_operator_cut)

    def test_an_error_of_its_own_is_not_said_to_be_a_cut(self):
        def broken():
            raise ValueError

        with self.assertRaises(ValueError) as caught:
            self.save(broken)
        self.assertFalse(hasattr(caught.exception, "session_operator_cut"))

    def test_that_is_over_is_never_touched(self):
        self.save(lambda: None)
        deadline.cut_overdue(CACHE)
        self.assertTrue(self.alive())

    def test_that_ends_while_the_watchdog_looks_waits_for_it_and_is_not_touched(self):
        """The moment between the watchdog's look and its cut."""
        looked = []

        def ending():
            started = self.line.started
            deadline._lock.acquire()
            self.line.suspected = True
            threading.Timer(0.1, cut, (started,)).start()

        def cut(started):
            looked.append(self.line.started)
            self.line.cut_off(started)
            deadline._lock.release()

        self.save(ending)
        self.assertEqual([None], looked)
        self.assertTrue(self.alive())

    def test_that_finished_while_it_was_cut_gives_its_connection_up(self):
        self.save(self.late)
        self.assertIsNone(connection.connection)

    def test_a_flip_cuts_it_unless_the_database_can_be_read(self):
        def meanwhile():
            deadline.cut_overdue(CACHE | 1 << 8)
            self.assertTrue(self.alive())
            deadline.cut_overdue(CACHE)
            self.assertFalse(self.alive())

        self.save(meanwhile)

    def test_that_is_cut_off_knows_it_before_its_connection_ends(self):
        """It sees the end of its socket before the watchdog is back, and connects again when it leaves its transaction."""
        refused = []

        def ended(duplicate, how):
            with self.assertRaises(connection.Database.OperationalError):
                connection.get_connection_params()
            refused.append(True)

        with mock.patch.object(socket.socket, "shutdown", ended):
            self.save(lambda: deadline.cut_overdue(CACHE))
        self.assertEqual([True], refused)
        self.assertTrue(connection.get_connection_params())

    def test_a_call_inside_it_does_not_connect_again_either(self):
        def reading():
            known = runtime.current()
            with deadline.Watch([connections["default"]], known, normal=False):
                self.line.due = self.line.started
                with self.assertRaises(connection.Database.OperationalError):
                    connection.get_connection_params()

        self.save(reading)

    def test_inside_a_watched_call_it_is_one_of_those(self):
        with deadline.Watch([connections["default"]], runtime.current()):
            self.assertEqual((False, 2), self.save(lambda: None))
        self.assertEqual((True, 0), self.save(lambda: None))

    def test_is_cut_off_again_on_another_connection(self):
        def connected_late():
            deadline.cut_overdue(CACHE)
            connection.close()
            with mock.patch.object(deadline, "_may_not_connect", lambda line: False):  # it was past that when it became due
                connection.connect()
            self.assertTrue(self.alive())
            deadline.cut_overdue(CACHE)
            self.assertFalse(self.alive())

        self.save(connected_late)

    def test_a_flip_spares_the_callers_transaction(self):
        def meanwhile():
            deadline.cut_overdue(CACHE)
            self.assertTrue(self.alive())

        with transaction.atomic():
            self.assertEqual((False, 1), self.save(meanwhile))

    def test_one_inside_another_is_watched_for_itself(self):
        inner = []
        self.save(lambda: inner.append(self._nested()))
        self.assertEqual([1], inner)

    def _nested(self):
        counts = []
        stores.routed_and_watched_save(lambda store, must_create=False: counts.append(len(deadline._active)))(self.session)
        self.assertIsNotNone(self.line.started)
        return counts[0]

    def test_in_another_mode_it_is_no_usual_one(self):
        self.sidecar.switch(2)
        self.assertEqual((False, 1), self.save(lambda: None))

    def test_a_flip_between_the_decision_and_the_call_cuts_it(self):
        def meanwhile():
            deadline.cut_overdue(CACHE)
            self.assertFalse(self.alive())

        self.sidecar.switch(2)  # whoever called had seen Normal
        self.save(meanwhile)

    def test_what_the_engine_is_to_do_in_a_fallback_is_not_cut_for_the_fallback(self):
        def meanwhile():
            deadline.cut_overdue(CACHE)
            self.assertTrue(self.alive())
            return fallback.STOCK

        self.sidecar.switch(2)
        with mock.patch.dict(operation.FALLBACKS, save=lambda *arguments: fallback.STOCK):
            operation.operate(self.session, "save", lambda store: self.save(meanwhile), (), {}, 2, None)
        self.assertFalse(getattr(self.session, operation.BESIDES))

    def test_the_childs_watchdog_leaves_the_parents_call_alone(self):
        def forked():
            lines, lock = deadline._lines, deadline._lock
            deadline.reset()
            self.addCleanup(setattr, deadline, "_lines", lines)
            self.addCleanup(setattr, deadline, "_lock", lock)
            self.line.started -= 60
            self.assertEqual(deadline.IDLE, deadline.cut_overdue(CACHE))
            self.assertIs(self.line, deadline.line_of(connections["default"]))
            self.assertEqual(deadline.IDLE, deadline.cut_overdue(CACHE))
            self.assertTrue(self.alive())

        self.save(forked)

    def test_a_connection_that_is_gone_is_forgotten(self):
        """Servers with a thread a request have as many as there are requests."""
        gone = connections["default"].copy()
        deadline.line_of(gone)
        known = weakref.ref(gone)
        del gone
        gc.collect()
        self.assertIsNone(known())
        another = connections["default"].copy()
        line = deadline.line_of(another)
        self.assertEqual(deadline.IDLE, deadline.cut_overdue(NORMAL))
        kept = [reference() for reference in deadline._lines]
        self.assertNotIn(None, kept)
        self.assertEqual(1, kept.count(line))
        self.assertIn(self.line, kept)

    def test_another_connection_under_the_same_name_is_found_within_a_second(self):
        old = connections["default"]
        del connections["default"]
        self.addCleanup(connections["default"].close)
        self.addCleanup(connections.__setitem__, "default", old)
        renew()
        self.assertEqual((False, 1), self.save(lambda: None))  # looks it up
        self.assertIs(connections["default"], glance.own.line.connection)
        self.line = glance.own.line
        self.assertEqual((True, 0), self.save(lambda: None))

    def test_without_the_page_nothing_is_watched(self):
        glance.obey(None)
        self.addCleanup(runtime.look)
        self.assertEqual((False, 0), self.save(lambda: None))
