"""Load whose every request must be answered: an app beside the one that is broken, or while nothing is to be noticed."""
import contextlib
import time

from demo.harness import bars, report
from demo.harness.judge import judge
from demo.harness.load import Load

from .results import keep_events

# The cluster, three apps' pods, the database and the people share two cores: pages are to wait for the outage, not for them.
CALM = 4.0


class Beside:
    """People on an app from the beginning to the end of a block. Afterwards: entry for the report, and what did not hold."""

    def __init__(self, shop, name):
        self.shop, self.name, self.entry = shop, name, None
        self.load, self.times = Load(shop.address, shop.password, calm=CALM), {}

    def missed(self):
        """Whoever is not touched by a fault sees nothing of it, not even on pages that need the database."""
        for text in (*bars.shown(self.entry), *bars.everywhere(self.entry)):
            yield f"{self.name}: {text}"
        failed = [event for event in self.load.events if event.status != 200 and not self._is_refusal(event)]
        if failed:
            seen = sorted({(event.kind, event.status) for event in failed})
            yield f"{self.name}: {len(failed)} requests failed, as {seen}"

    @staticmethod
    def _is_refusal(event):
        """An old cookie is answered as a stranger's, with 200; what else it gets is the judge's business."""
        return event.kind == "replay"

    @contextlib.contextmanager
    def watched(self, variant):
        self.load.start()
        self.times.update(begin=time.time(), fault=time.time())
        self.load.clock.phase = "fault"
        try:
            yield self
        finally:
            self.times.update(lifted=time.time(), end=time.time())
            self.load.finish()
            keep_events(self.name, self.times, self.load.events)
        self.entry = report.entry(self.name, variant, self.load.events, self.times, judge(self.load.events, self.shop.rows()), 0.0, None)
