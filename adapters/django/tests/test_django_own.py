"""Django's own tests of sessions and messages (Debian's source package), with the adapter loaded, in every mode.

In Cache those of accounts and of CSRF, too; `OWN_LABELS="auth_tests" run test_django_own` runs others in every mode.
"""

import os
import re
import shutil
import subprocess
import sys

from support import servers
from support.case import AdapterTest
from support.program import Sidecar

import django

UNPACK = os.path.join(os.path.dirname(__file__), "../../../scripts/django/unpack")
LABELS = os.environ.get("OWN_LABELS", "sessions_tests messages_tests").split()
IN_CACHE = LABELS if "OWN_LABELS" in os.environ else LABELS + ["auth_tests", "csrf_tests"]

# These ask the table behind the store's back (Session.objects). While the mode is Cache a save is in the sidecar and the table learns
# of it in Drain; test_own_stand_ins.py makes the same assertions there.
LOOK_INTO_THE_TABLE = {
    "test_session_str", "test_session_get_decoded", "test_sessionmanager_save", "test_clearsessions_command", "test_aclear_expired",
    "test_empty_session_saved",
}
# These ask auth_user for last_login, which is deferred in both fallbacks (test_login.py).
LOOK_FOR_LAST_LOGIN = {"test_update_last_login", "test_user_change_email", "test_user_not_change", "test_view_user_password_is_readonly"}

# Every probe's write is refused as by a read-only server; the tests themselves may write. Put into template1, whose copies the
# tests' databases are, because the table is made by them.
REFUSE_PROBES = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '25006'; END $$;
CREATE FUNCTION refuse_probes() RETURNS event_trigger LANGUAGE plpgsql AS $$ DECLARE made record; BEGIN
  FOR made IN SELECT * FROM pg_event_trigger_ddl_commands() WHERE command_tag = 'CREATE TABLE' AND object_identity LIKE '%django_session' LOOP
    EXECUTE 'CREATE TRIGGER refuse BEFORE INSERT ON ' || made.object_identity
      || ' FOR EACH ROW WHEN (NEW.session_key LIKE ''session-operator-probe-%'') EXECUTE FUNCTION refuse()';
  END LOOP; END $$;
CREATE EVENT TRIGGER refuse_probes ON ddl_command_end EXECUTE FUNCTION refuse_probes();
"""
ADMIT_PROBES = "DROP EVENT TRIGGER refuse_probes; DROP FUNCTION refuse_probes(); DROP FUNCTION refuse()"


class DjangosOwnTests(AdapterTest):
    def setUp(self):
        super().setUp()
        self.home = os.path.join(servers.ROOT, "own")
        self.runtime = os.path.join(self.home, "run")
        self.addCleanup(shutil.rmtree, self.home, True)
        version = "%d.%d" % django.VERSION[:2]
        self.folder = subprocess.run([UNPACK, "tests", version], check=True, stdout=subprocess.PIPE).stdout.decode().strip()

    def start_sidecar(self):
        sidecar = Sidecar(self.runtime)
        self.addCleanup(sidecar.stop)
        sidecar.start()

    def run_them(self, database, mode=None, labels=LABELS):
        """Returns the names of the tests that did not pass, after checking that the others ran."""
        environment = dict(
            os.environ, OWN_DATABASE=database, SESSION_OPERATOR_DIR=self.runtime,
            PYTHONPATH=os.pathsep.join(entry for entry in (os.environ["PYTHONPATH"], os.getcwd()) if entry),
        )
        environment.pop("DJANGO_SETTINGS_MODULE")
        if mode is not None:
            environment["OWN_MODE"] = str(mode)
        done = subprocess.run(
            [sys.executable, "runtests.py", "--parallel", "1", "--noinput", "--settings=support.own.settings"] + labels,
            cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )
        output = done.stdout.decode(errors="replace")
        self.assertIn("Django installed in '%s'" % os.path.dirname(django.__file__), output)
        ran = re.search(r"^Ran (\d+) tests", output, re.M)
        self.assertIsNotNone(ran, output[-3000:])
        self.assertGreater(int(ran.group(1)), 400, output[-3000:])
        failed = set(re.findall(r"^(?:FAIL|ERROR): (\w+)", output, re.M))
        self.assertEqual(done.returncode != 0, bool(failed), output[-3000:])
        self.output = output
        return failed

    def test_without_a_sidecar(self):
        for database in ("sqlite", "postgresql"):
            with self.subTest(database):
                self.assertEqual(set(), self.run_them(database), self.output_end())

    def test_normal(self):
        self.start_sidecar()
        self.assertEqual(set(), self.run_them("postgresql", 0), self.output_end())

    def test_normal_on_a_database_the_sidecar_does_not_speak(self):
        self.start_sidecar()
        self.assertEqual(set(), self.run_them("sqlite", 0), self.output_end())

    def test_skip_save_with_the_database_up(self):
        self.refuse_probes()
        self.start_sidecar()
        failed = self.run_them("postgresql, cache of its own", 1)
        self.assertEqual(set(), failed - LOOK_FOR_LAST_LOGIN, self.output_end())

    def test_cache_with_the_database_up(self):
        self.refuse_probes()
        self.start_sidecar()
        failed = self.run_them("postgresql", 2, IN_CACHE)
        self.assertEqual(set(), failed - LOOK_INTO_THE_TABLE - LOOK_FOR_LAST_LOGIN, self.output_end())
        self.assertIn("test_session_get_decoded", failed, "the mode was not Cache")

    def refuse_probes(self):
        self.in_template(REFUSE_PROBES)
        self.addCleanup(self.in_template, ADMIT_PROBES)

    def in_template(self, statements):
        connection = self.postgres.connect("template1")
        connection.cursor().execute(statements)
        connection.close()  # a template in use cannot be copied

    def output_end(self):
        return "\n" + getattr(self, "output", "")[-6000:]
