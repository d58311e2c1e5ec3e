"""The picture: requests per second by status over time, stock above protected, one column a scenario."""
from html import escape

from .client import REPLAY
from .report import headline

BIN = 0.5  # seconds
STATUSES = (  # drawn from the bottom up
    (200, "#5aa469", "200 answered"),
    (503, "#c9a6e4", "503 try again"),
    (400, "#f0a04b", "400 “session was deleted”"),
    (500, "#c8443f", "500 server error"),
    (0, "#6b6b6b", "no answer"),
)
MODES = {"Normal": "#e4efe6", "SkipSave": "#cfe0f5", "Cache": "#86b6e8", "Drain": "#f3d98b"}
FAULTS = {"stop": "PostgreSQL stopped", "kill9": "PostgreSQL killed (kill -9)",
          "readonly": "PostgreSQL read-only", "freeze": "PostgreSQL frozen (SIGSTOP)",
          "freeze-mixed": "PostgreSQL frozen (SIGSTOP); app with fail-fast"}

WIDTH, HEIGHT = 560, 170           # of one plot
LEFT, RIGHT, TOP, GAP, STRIP = 56, 24, 122, 64, 18
FONT = 'font-family="DejaVu Sans, Helvetica, Arial, sans-serif"'


def bins(events, begin, end) -> dict:
    """status -> requests a second in each bin, by the time of the answer."""
    count = max(1, int((end - begin) / BIN))
    drawn = {status: [0.0] * count for status, _, _ in STATUSES}
    for event in events:
        position = int((event.done - begin) / BIN)
        if event.category != REPLAY and 0 <= position < count:
            drawn[event.status if event.status in drawn else 500][position] += 1 / BIN
    return drawn


def picture(outcomes) -> str:
    """SVG of all scenarios that ran. outcomes: of scenario.run, in any order."""
    columns = []
    for outcome in outcomes:
        if outcome.entry["name"] not in columns:
            columns.append(outcome.entry["name"])
    step = LEFT + WIDTH + RIGHT
    width, height = step * len(columns), TOP + 2 * (HEIGHT + STRIP + GAP) + 10
    top = max((sum(drawn[position] for drawn in _drawn(outcome).values())
               for outcome in outcomes for position in range(len(_drawn(outcome)[200]))), default=1.0)
    top = 50 * (int(top / 50) + 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        _text(LEFT, 26, "Requests per second by status, while the database cannot be written", 17, weight="bold"),
        _text(LEFT, 43, "All pages together. One in five reads the user’s row as well as the session:", 11),
        _text(LEFT, 57, "no session store can save that page while the database is down.", 11),
        *_legend()]
    for outcome in outcomes:
        left = LEFT + step * columns.index(outcome.entry["name"])
        row = 0 if outcome.entry["variant"] == "stock" else 1
        parts += _plot(outcome, left, TOP + row * (HEIGHT + STRIP + GAP) + 20, top)
    return "\n".join([*parts, "</svg>", ""])


def _drawn(outcome):
    return bins(outcome.events, outcome.times["begin"], outcome.times["end"])


def _plot(outcome, left, top, highest):
    times, entry = outcome.times, outcome.entry
    begin, end = times["begin"], times["end"]
    bottom = top + HEIGHT

    def x(moment):
        return round(left + WIDTH * (min(max(moment, begin), end) - begin) / (end - begin), 1)

    def y(value):
        return round(bottom - HEIGHT * value / highest, 1)

    told = f'{entry["name"]}, {entry["variant"]}: session pages inside the fault: {headline(entry)}'
    yield _text(left, top - 8, told, 13, weight="bold")
    yield f'<rect x="{left}" y="{top}" width="{WIDTH}" height="{HEIGHT}" fill="#fafafa" stroke="#999999"/>'
    for value in range(0, highest + 1, 50):
        yield f'<line x1="{left}" y1="{y(value)}" x2="{left + WIDTH}" y2="{y(value)}" stroke="#dddddd"/>'
        yield _text(left - 6, y(value) + 4, str(value), 10, anchor="end")

    drawn = _drawn(outcome)
    floor = [0.0] * len(drawn[200])
    middles = [begin + BIN * (position + 0.5) for position in range(len(floor))]
    for status, colour, _ in STATUSES:
        ceiling = [low + more for low, more in zip(floor, drawn[status])]
        if any(drawn[status]):
            line = [f"{x(moment)},{y(value)}" for moment, value in zip(middles, ceiling)]
            back = [f"{x(moment)},{y(value)}" for moment, value in zip(reversed(middles), reversed(floor))]
            yield f'<polygon points="{" ".join(line + back)}" fill="{colour}"/>'
        floor = ceiling

    start, stop = x(times["fault"]), x(times["lifted"])
    yield (f'<rect x="{start}" y="{top}" width="{round(stop - start, 1)}" height="{HEIGHT}" fill="#000000" '
           f'fill-opacity="0.07" stroke="#333333" stroke-dasharray="4 3"/>')
    yield _text((start + stop) / 2, top + 14, FAULTS[entry["name"]], 11, anchor="middle")
    yield from _modes(outcome, left, bottom + 3, x)
    for second in range(int(begin - times["fault"]) // 5 * 5, int(end - times["fault"]) + 1, 5):
        if times["fault"] + second >= begin:
            label = f"{second} s" if second else "0 s"
            yield _text(x(times["fault"] + second), bottom + STRIP + 16, label, 10, anchor="middle")


def _modes(outcome, left, top, x):
    """The strip under the plot: what the apps were told."""
    if outcome.entry["variant"] == "stock":
        yield _text(left, top + 12, "stock Django, nothing of ours", 10)
        return
    times, changes = outcome.times, outcome.modes
    ends = [moment for moment, _ in changes[1:]] + [times["end"]]
    for (moment, mode), end in zip(changes, ends):
        start, stop = x(moment), x(end)
        if stop > start:
            yield (f'<rect x="{start}" y="{top}" width="{round(stop - start, 1)}" height="{STRIP - 3}" '
                   f'fill="{MODES[mode]}" stroke="#777777" stroke-width="0.5"><title>mode {mode}</title></rect>')
        if stop - start > 40:
            yield _text((start + stop) / 2, top + 11, f"mode {mode}", 10, anchor="middle")


def _legend():
    """Two lines, so that it fits above a single column as well."""
    for number, (_, colour, label) in enumerate(STATUSES):
        x, y = LEFT + (number % 3) * 185, 66 + (number // 3) * 18
        yield f'<rect x="{x}" y="{y}" width="12" height="12" fill="{colour}"/>'
        yield _text(x + 17, y + 10, label, 11)
    for number, (mode, colour) in enumerate(MODES.items()):
        x, y = LEFT + number * 110, 102
        yield f'<rect x="{x}" y="{y}" width="12" height="12" fill="{colour}" stroke="#777777" stroke-width="0.5"/>'
        yield _text(x + 17, y + 10, f"mode {mode}", 11)


def _text(x, y, text, size, anchor="start", weight="normal"):
    return (f'<text x="{round(x, 1)}" y="{round(y, 1)}" {FONT} font-size="{size}" font-weight="{weight}" '
            f'text-anchor="{anchor}" fill="#222222">{escape(text)}</text>')
