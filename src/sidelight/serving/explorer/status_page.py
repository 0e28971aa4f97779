"""Page of the service's status: a few figures as tiles, and the troubles that need a look."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup
from starlette.responses import Response

from sidelight.serving.explorer.page_request import PageRequest
from sidelight.serving.explorer.template_filters import NOTHING, number, percent, plural, seconds, when

if TYPE_CHECKING:
    from sidelight.serving.responses import Drift, Status

FEW = 20  # lists below which a share means nothing yet
POINTS = 80  # points of the line of response times
SLOW = 0.25  # seconds beyond which users notice that a list is slow
DRIFT = 0.2  # population stability index above which drift needs a look
NAMED = 10  # items that could not be placed, shown with their reasons
NO_LIST = "No list has been asked for yet."
DRIFTED = {
    "histories": "Histories are longer or shorter than in training: is everything sent that should be?",
    "scores": "Scores are not what they were in training: a newer model may be due.",
}


@dataclass(frozen=True)
class Tile:
    """One figure.

    Args:
        name: Name of the figure.
        big: Figure as text.
        say: Meaning of the figure.
        look: Whether it needs a look.
        drawing: Line of its course, or None.
    """

    name: str
    big: str
    say: str
    look: bool = False
    drawing: Markup | None = None

    @property
    def long(self) -> bool:
        """True if the figure is a text rather than a number."""
        return len(self.big) > 10


def show(page: PageRequest) -> Response:
    """Render the tiles; where scripts run, they are loaded again every few seconds."""
    status = page.engine.status()
    times = response_times(list(page.explorer.recent))
    tiles = [*stock(status), *shares(status), times, drift(status.drift), traffic(status)]
    return page.render("state.html", {"tiles": tiles, "worries": worries(status)})


def stock(status: Status) -> list[Tile]:
    """Return tiles of the version, its items, and item changes that wait."""
    arrived = f"that can be shown, {status.arrived:,} of them arrived since the model was published."
    waits = "Every item that was sent is placed."
    if status.set_aside:
        aside = plural(len(status.set_aside), "item")
        waits = f"waiting, and {aside} could not be placed: see below."
    elif status.waiting:
        waits = "changes of items are stored but not placed yet."
    new = "that nobody had touched when the model was trained."
    return [
        Tile("Version", status.version, f"Loaded {when(status.loaded)}.", look=bool(status.refused)),
        Tile("Items", number(status.items), arrived if status.arrived else "that can be shown."),
        Tile("New items", number(status.new_items), new),
        Tile("Waiting", number(status.waiting), waits, look=bool(status.set_aside or status.trouble)),
    ]


def shares(status: Status) -> list[Tile]:
    """Return tiles of the shares of new items and of unknown users in recent lists."""
    new, fallback = status.new_share, status.fallback_rate
    places = NO_LIST if new is None else "of the places in recent lists."
    lists = NO_LIST if fallback is None else "of recent lists were popular items for want of a history."
    return [Tile("New items shown", percent(new), places), Tile("Unknown people", percent(fallback), lists)]


def response_times(recent: Sequence[float]) -> Tile:
    """Return the tile of the seconds that recent lists took."""
    if not recent:
        return Tile("Answering time", NOTHING, NO_LIST)
    times = sorted(recent)
    median, slow = times[(len(times) - 1) // 2], times[math.ceil(0.95 * len(times)) - 1]
    over = plural(len(times), "list")
    say = f"for half of the last {over}; 95 of 100 took at most {seconds(slow)}."
    look = slow > SLOW and len(times) >= FEW
    return Tile("Answering time", seconds(median), say, look, spark(list(recent)[-POINTS:]))


def drift(found: Drift) -> Tile:
    """Return the tile of drift between recent requests and training."""
    values = {"histories": found.history_length, "scores": found.scores}
    known = {name: value for name, value in values.items() if value is not None}
    if not known:
        return Tile("Drift", NOTHING, f"Too few lists to say ({found.answers} so far).")
    name = max(known, key=lambda each: known[each])
    look = known[name] >= DRIFT
    say = DRIFTED[name] if look else "Histories and scores look as they did in training."
    return Tile("Drift", f"{known[name]:.2f}", say, look)


def traffic(status: Status) -> Tile:
    """Return the tile of lists and events of the last minute."""
    say = f"in the last minute, and {plural(status.events_per_minute, 'event')}."
    return Tile("Answers", number(status.answers_per_minute), say)


def worries(status: Status) -> list[str]:
    """Return the troubles that need a look, one line each."""
    found = []
    if status.refused:
        found.append(f"A version was refused, and the one before goes on serving: {status.refused}")
    if status.trouble:
        found.append(f"The worker in the background is stuck: {status.trouble}")
    for name, reason in status.unavailable.items():
        found.append(f"{name} of new items cannot be read here: {reason}")
    if status.exposures_lost:
        lost = plural(status.exposures_lost, "exposure")
        found.append(f"{lost} were not written, because the database could not keep up.")
    for one in status.set_aside[-NAMED:]:
        found.append(f"Item {one.item_id} could not be placed: {one.reason}")
    return found


def spark(values: Sequence[float]) -> Markup | None:
    """Draw a small line of values, the last on the right; None for too few to be a line."""
    if len(values) < 2:
        return None
    top = max(values) or 1.0
    step = 100 / (len(values) - 1)
    points = " ".join(f"{round(step * at, 1)},{round(30 - 28 * v / top, 1)}" for at, v in enumerate(values))
    return Markup(
        '<svg class="spark" viewBox="0 0 100 32" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<line x1="0" x2="100" y1="31" y2="31"/><polyline points="{}"/></svg>'
    ).format(f"The last {len(values)} times, up to {seconds(top)}", points)
