"""The one long-lived psql of a run: when it ends, what it said is told, not that a pipe broke."""
import unittest

from demo.harness.postgres import Psql
from demo.harness.processes import Failure


class PsqlTests(unittest.TestCase):
    def test_a_psql_that_has_ended_is_quoted(self):
        psql = Psql(["sh", "-c", "echo there is no such pod; exit 1"])
        psql.handle.wait(10)
        with self.assertRaisesRegex(Failure, "there is no such pod"):
            psql.ask("SELECT 1")
        psql.close()
