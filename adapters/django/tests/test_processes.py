"""Forks: servers import the app, then fork; each process gets its own threads, connections and hello."""

import os
import signal
import subprocess
import sys
import time
import urllib.request

from session_operator import client
from support import servers
from support.case import AdapterTest
from support.sidecar import CACHE, READABLE


class Forks(AdapterTest):
    def test_fork_after_use_starts_anew(self):
        key = self.browser(n="1").key
        self.sidecar.switch(CACHE, READABLE)
        self.assertEqual("1", self.store(key)["n"])  # keeps this process's connection to the sidecar
        parents = client._local.connection
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            result = b"failed"
            try:
                from django.db import connection

                connection.connection = None  # the parent's
                before = threading_count()
                store = self.store(key)
                store["n"] = "child"
                store.save()
                started = time.monotonic()
                while threading_count() < before + 2 and time.monotonic() - started < 2:
                    time.sleep(0.01)
                shared = client._local.connection is parents
                result = b"%d threads, connection shared: %a" % (threading_count() - before, shared)
            finally:
                os.write(writing, result)
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            self.assertEqual(b"2 threads, connection shared: False", pipe.read())
        os.waitpid(child, 0)
        self.assertEqual("child", self.store(key)["n"])
        servers.wait_until(
            lambda: child in [body["pid"] for body in self.sidecar.asked("/v1/hello")] or self.sidecar.asked("/v1/save"),
            what="the child reached the sidecar",
        )

    def test_gunicorn_with_preload(self):
        port = servers.free_port()
        server = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "--preload", "-w", "2", "-b", "127.0.0.1:%d" % port, "--log-level", "critical",
             "support.app.wsgi:application"], stdout=subprocess.DEVNULL,
        )
        try:
            servers.wait_until(lambda: servers.accepts(port), what="gunicorn answers")
            browser = self.browser(n="1")
            pids = set()

            def visit(path):
                request = urllib.request.Request(
                    "http://127.0.0.1:%d/%s" % (port, path), headers={"Cookie": "sessionid=" + browser.key}
                )
                try:
                    with urllib.request.urlopen(request, timeout=10) as response:
                        return response.status
                except urllib.error.HTTPError as error:
                    return error.code

            def both_said_hello():
                self.assertEqual(200, visit("read"))
                pids.update(body["pid"] for body in self.sidecar.asked("/v1/hello"))
                return len(pids - {os.getpid()}) == 2

            servers.wait_until(both_said_hello, what="hello of both workers")
            self.assertNotIn(server.pid, pids)  # the master imports, it serves nothing
            self.postgres.read_only(True)
            statuses = [visit("write?n=%d" % number) for number in range(20)]
            self.assertEqual([200] * 20, statuses)
            self.postgres.read_only(False)
            self.sidecar.replay(self.postgres)
            self.assertEqual("19", self.row(browser.key)["n"])
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(20)


def threading_count():
    with open("/proc/self/status") as status:
        return int([line for line in status if line.startswith("Threads:")][0].split()[1])
