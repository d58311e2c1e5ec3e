"""The ways in: a folder on PYTHONPATH, beside other customizations, before forks; or SESSION_ENGINE."""

import os
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import unittest

from support import servers

ADAPTER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
TESTS = os.path.join(ADAPTER, "tests")
DJANGO = [entry for entry in os.environ.get("DJANGO_PATH", "").split(os.pathsep) if entry]
SETTINGS = "import django; from django.conf import settings; settings.configure(INSTALLED_APPS=['django.contrib.sessions',"
SETTINGS += "'django.contrib.auth','django.contrib.contenttypes'], SECRET_KEY='x', SESSION_ENGINE=%r); django.setup()\n"
PATCHED = "from django.contrib.sessions.backends import db; print('patched', hasattr(db.SessionStore.save, '__wrapped__'))\n"


def python(program, path, *flags, **environment):
    """Run `program` with the given PYTHONPATH; returns (stdout, stderr)."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [sys.executable] + list(flags) + ["-c", textwrap.dedent(program)],
        env=dict(kept, PYTHONPATH=os.pathsep.join(path), **environment), timeout=60,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
    )
    if done.returncode:
        raise AssertionError(done.stderr)
    return done.stdout, done.stderr


class Injection(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir=servers.ROOT)
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def write(self, name, content, folder=None):
        folder = os.path.join(self.folder, folder or "other")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, name), "w") as file:
            file.write(content)
        return folder

    def test_folder_on_the_path_patches_and_nothing_of_django_is_imported_at_start(self):
        program = "import sys; print(any(name.partition('.')[0] == 'django' for name in sys.modules))\n"
        out, err = python(program + SETTINGS % "x" + PATCHED, [ADAPTER] + DJANGO)
        self.assertEqual(("False\npatched True\n", ""), (out, err))

    def test_start_costs_little(self):
        program = "import sys; print(*sorted(name for name in sys.modules if name.startswith('session_operator')))"
        out, err = python(program, [ADAPTER])
        self.assertEqual("session_operator session_operator.chain session_operator.finder session_operator.native", out.strip())

    def listening(self):
        """A socket where the sidecar's would be, and the environment that names it."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.addCleanup(listener.close)
        listener.bind(os.path.join(self.folder, "api.sock"))
        listener.listen(4)
        listener.settimeout(10)
        return listener, {"SESSION_OPERATOR_DIR": self.folder}

    def test_an_app_that_uses_no_session_has_said_that_it_loaded_the_adapter(self):
        listener, environment = self.listening()
        said = []

        def answer():
            connection, _ = listener.accept()
            said.append(connection.recv(4096))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n" + b'{"status":"ok"}')
            connection.close()

        answering = threading.Thread(target=answer)
        answering.start()
        out, err = python(SETTINGS % "x" + PATCHED, [ADAPTER] + DJANGO, **environment)
        answering.join(10)
        self.assertEqual(("patched True\n", ""), (out, err))
        self.assertEqual([b"POST /v1/loaded HTTP/1.1"], [request.split(b"\r\n")[0] for request in said])

    def test_a_sidecar_that_is_stuck_keeps_no_app_from_starting(self):
        _, environment = self.listening()
        program = "import time; begun = time.monotonic()\n" + PATCHED + "print(time.monotonic() - begun < 5)\n"
        out, err = python(SETTINGS % "x" + program, [ADAPTER] + DJANGO, **environment)
        self.assertEqual(("patched True\nTrue\n", ""), (out, err))

    def test_without_the_folder_django_is_stock(self):
        out, err = python(SETTINGS % "x" + PATCHED, DJANGO)
        self.assertEqual("patched False\n", out)

    def test_another_sitecustomize_behind_ours_runs_once(self):
        other = self.write("sitecustomize.py", "import sys; print('other', __name__); sys.path.append('/added')\n")
        program = "import sys, sitecustomize; print(sitecustomize.__file__, '/added' in sys.path, sys.path[1])\n"
        out, err = python(program + SETTINGS % "x" + PATCHED, [ADAPTER, other] + DJANGO)
        self.assertEqual(
            ["other sitecustomize", "%s/sitecustomize.py True %s" % (other, ADAPTER), "patched True"], out.splitlines()
        )
        self.assertEqual("", err)

    def test_two_that_chain_do_not_loop(self):
        chaining = self.write(
            "sitecustomize.py",
            "import os, sys, importlib\n"
            "print('chaining')\n"
            "here = os.path.dirname(__file__)\n"
            "own = sys.modules.pop('sitecustomize'); sys.path.remove(here)\n"
            "try:\n    importlib.import_module('sitecustomize')\n"
            "except ImportError: pass\n"
            "finally:\n    sys.path.insert(0, here); sys.modules['sitecustomize'] = own\n",
        )
        last = self.write("sitecustomize.py", "print('last')\n", "last")
        for order in ([ADAPTER, chaining, last], [chaining, ADAPTER, last]):
            out, err = python(SETTINGS % "x" + PATCHED, order + DJANGO)
            self.assertEqual((["chaining", "last", "patched True"], ""), (out.splitlines(), err))

    def test_another_sitecustomize_ahead_that_does_not_chain(self):
        other = self.write("sitecustomize.py", "print('other')\n")
        out, err = python(SETTINGS % "x" + PATCHED, [other, ADAPTER] + DJANGO)
        self.assertEqual(["other", "patched True"], out.splitlines())  # by way of usercustomize

    def test_another_usercustomize_runs_too(self):
        other = self.write("usercustomize.py", "print('other', __name__)\n")
        out, err = python(SETTINGS % "x" + PATCHED, [ADAPTER, other] + DJANGO)
        self.assertEqual((["other usercustomize", "patched True"], ""), (out.splitlines(), err))

    def test_error_in_another_sitecustomize_is_reported_as_without_us(self):
        other = self.write("sitecustomize.py", "import not_there_at_all\n")
        out, stock = python("print('runs')", [other])
        out, ours = python("print('runs')", [ADAPTER, other])
        self.assertEqual("runs\n", out)
        self.assertEqual(stock, ours)
        self.assertIn("not_there_at_all", ours)

    def test_broken_package_leaves_one_line_and_a_working_interpreter(self):
        package = self.write("__init__.py", "raise RuntimeError('damaged')\n", "broken/session_operator")
        folder = os.path.dirname(package)
        for name in ("sitecustomize.py", "usercustomize.py"):
            with open(os.path.join(ADAPTER, name)) as file:
                self.write(name, file.read(), "broken")
        out, err = python(SETTINGS % "x" + PATCHED, [folder] + DJANGO, "-s")
        self.assertEqual("patched False\n", out)
        self.assertIn("session_operator: not loaded, Django stays as it is: RuntimeError: damaged", err)

    def test_patch_that_fails_leaves_that_module_stock(self):
        program = (
            "import session_operator.stores as s\n"
            "def damaged(module): raise RuntimeError('damaged')\n"
            "s.install = damaged\n"
        )
        out, err = python(SETTINGS % "x" + program + PATCHED, [ADAPTER] + DJANGO)
        self.assertEqual("patched False\n", out)
        self.assertEqual(
            "session_operator: django.contrib.sessions.backends.db stays as it is: RuntimeError: damaged\n", err
        )

    def test_reload_patches_again_once(self):
        program = "import importlib; db = importlib.reload(__import__('django.contrib.sessions.backends.db', fromlist=['x']))\n"
        program += "from session_operator import finder, stores; finder.install(); finder.install()\n"
        program += "import sys; print(sum(isinstance(other, finder.Finder) for other in sys.meta_path))\n"
        program += "print(db.SessionStore.save in stores.ROUTED, db.SessionStore.save.__wrapped__ in stores.ROUTED)\n"
        out, err = python(SETTINGS % "x" + program, [ADAPTER] + DJANGO)
        self.assertEqual(("1\nTrue False\n", ""), (out, err))

    def test_explicit_engines(self):
        for name in ("db", "cached_db"):
            program = (
                "from importlib import import_module\n"
                "import django.core.handlers.exception, django.contrib.sessions.middleware\n"
                "from django.contrib.sessions.backends import %s as stock\n"
                "engine = import_module(django.conf.settings.SESSION_ENGINE)\n"
                "print(engine.SessionStore is stock.SessionStore, engine.SessionStore.__qualname__)\n"
                "print(hasattr(engine.SessionStore.save, '__wrapped__'))\n"
                "print(django.core.handlers.exception.response_for_exception.session_operator)\n"
                "from django.contrib.sessions.middleware import SessionMiddleware\n"
                "print(SessionMiddleware.process_response.session_operator)\n"
                "from django.contrib.auth.signals import user_logged_in\n"
                "from django.contrib.auth.models import update_last_login\n"
                "receivers = user_logged_in._live_receivers(None)\n"
                "receivers = receivers[0] if isinstance(receivers, tuple) else receivers\n"
                "print(receivers == [update_last_login], update_last_login.session_operator)\n"
            ) % name
            # The package alone, not the folder with sitecustomize.py.
            package = os.path.join(self.folder, "package-" + name)
            os.mkdir(package)
            os.symlink(os.path.join(ADAPTER, "session_operator"), os.path.join(package, "session_operator"))
            out, err = python(SETTINGS % ("session_operator." + name) + program, [package] + DJANGO)
            self.assertEqual((["True SessionStore", "True", "True", "True", "True True"], ""), (out.splitlines(), err))


if __name__ == "__main__":
    unittest.main()
