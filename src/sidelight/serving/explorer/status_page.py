"""How the service is doing, in a few tiles with plain words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from sidelight.serving.explorer import template_filters
from sidelight.serving.explorer.page_types import PageRequest, PageResponse

if TYPE_CHECKING:
    from sidelight.serving.explorer.explorer_app import ExplorerApp
    from sidelight.serving.responses import Drift, Status

FEW = 20  # answers below which a share means nothing yet
POINTS = 80  # of the line of answering times
SLOW = 0.25  # seconds; a list that takes longer is felt
DRIFT = 0.2  # population stability index above which somebody should look
NAMED = 10  # items that could not be placed, shown with their reasons


@dataclass(frozen=True)
class Tile:
    """One figure.

    Args:
        name: What it is.
        big: The figure.
        say: What it means.
        look: Somebody should look at it.
        drawing: Its course, or None.
    """

    name: str
    big: str
    say: str
    look: bool = False
    drawing: Markup | None = None

    @property
    def long(self) -> bool:
        """Whether the figure is rather a text."""
        return len(self.big) > 10


def show(desk: ExplorerApp, visit: PageRequest) -> PageResponse:
    """The tiles, drawn again every few seconds where scripts run."""
    status = desk.engine.status()
    tiles = [*stock(status), *shares(status), answering(list(desk.recent)), drift(status.drift), busy(status)]
    return PageResponse("state.html", {"tiles": tiles, "worries": worries(status)})


def stock(status: Status) -> list[Tile]:
    """What there is: the version, its items, and what waits."""
    came = f"that can be shown, {status.arrived:,} of them arrived since the model was published."
    aside = len(status.set_aside)
    waits = (
        "Every item that was sent is placed."
        if not status.waiting
        else "changes of items are stored but not placed yet."
    )
    if aside:
        waits = f"waiting, and {template_filters.plural(aside, 'item')} could not be placed: see below."
    return [
        Tile(
            "Version",
            status.version,
            f"Loaded {template_filters.when(status.loaded)}.",
            look=bool(status.refused),
        ),
        Tile(
            "Items", template_filters.number(status.items), came if status.arrived else "that can be shown."
        ),
        Tile(
            "New items",
            template_filters.number(status.new_items),
            "that nobody had touched when the model was trained.",
        ),
        Tile("Waiting", template_filters.number(status.waiting), waits, look=bool(aside or status.trouble)),
    ]


def shares(status: Status) -> list[Tile]:
    """Whom the recent answers knew, and how many new items they showed."""
    none = "No list has been asked for yet."
    return [
        Tile(
            "New items shown",
            template_filters.percent(status.new_share),
            none if status.new_share is None else "of the places in recent lists.",
        ),
        Tile(
            "Unknown people",
            template_filters.percent(status.fallback_rate),
            none
            if status.fallback_rate is None
            else "of recent lists were popular items for want of a history.",
        ),
    ]


def answering(recent: Sequence[float]) -> Tile:
    """How long the last answers took, in seconds each."""
    if not recent:
        return Tile("Answering time", template_filters.NOTHING, "No list has been asked for yet.")
    times = sorted(recent)
    middle, slow = times[(len(times) - 1) // 2], times[math.ceil(0.95 * len(times)) - 1]
    over = template_filters.plural(len(times), "list")
    said = f"for half of the last {over}; 95 of 100 took at most {template_filters.seconds(slow)}."
    few = len(times) < FEW
    drawing = spark(list(recent)[-POINTS:])
    return Tile(
        "Answering time",
        template_filters.seconds(middle),
        said,
        look=slow > SLOW and not few,
        drawing=drawing,
    )


def drift(found: Drift) -> Tile:
    """Whether what comes in still looks like what the model was trained on."""
    known = {
        "histories": found.history_length,
        "scores": found.scores,
    }
    there = {name: value for name, value in known.items() if value is not None}
    if not there:
        return Tile("Drift", template_filters.NOTHING, f"Too few lists to say ({found.answers} so far).")
    name = max(there, key=lambda each: there[each])
    if there[name] < DRIFT:
        return Tile("Drift", f"{there[name]:.2f}", "Histories and scores look as they did in training.")
    said = {
        "histories": "Histories are longer or shorter than in training: is everything sent that should be?",
        "scores": "Scores are not what they were in training: a newer model may be due.",
    }
    return Tile("Drift", f"{there[name]:.2f}", said[name], look=True)


def busy(status: Status) -> Tile:
    """What comes in."""
    said = f"in the last minute, and {template_filters.plural(status.events_per_minute, 'event')}."
    return Tile("Answers", template_filters.number(status.answers_per_minute), said)


def worries(status: Status) -> list[str]:
    """What somebody should look at, each in a line."""
    found = []
    if status.refused:
        found.append(f"A version was refused, and the one before goes on serving: {status.refused}")
    if status.trouble:
        found.append(f"The worker in the background is stuck: {status.trouble}")
    for name, reason in status.unavailable.items():
        found.append(f"{name} of new items cannot be read here: {reason}")
    if status.exposures_lost:
        lost = template_filters.plural(status.exposures_lost, "exposure")
        found.append(f"{lost} were not written, because the database could not keep up.")
    for one in status.set_aside[-NAMED:]:
        found.append(f"Item {one.item_id} could not be placed: {one.reason}")
    return found


def spark(values: Sequence[float]) -> Markup | None:
    """A small line of values, the last on the right; None for too few to be a line."""
    if len(values) < 2:
        return None
    top = max(values) or 1.0
    points = " ".join(
        f"{round(100 * at / (len(values) - 1), 1)},{round(30 - 28 * value / top, 1)}"
        for at, value in enumerate(values)
    )
    return Markup(
        '<svg class="spark" viewBox="0 0 100 32" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<line x1="0" x2="100" y1="31" y2="31"/><polyline points="{}"/></svg>'
    ).format(f"The last {len(values)} times, up to {template_filters.seconds(top)}", points)
