"""What a run leaves behind."""
import dataclasses
import json

from demo.harness.stack import ROOT

RESULTS = f"{ROOT}/artifacts/e2e"


def keep_events(name, times, events, **more):
    """Every request of one load, with the moments that tell what was going on, as NAME-events.json."""
    with open(f"{RESULTS}/{name.replace('/', '-')}-events.json", "w") as file:
        json.dump({"times": times, **more, "events": [dataclasses.asdict(event) for event in events]}, file)
