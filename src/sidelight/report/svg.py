"""SVG elements: scales with round ticks, marks, lines and text that fits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from sidelight.report.wording import MINUS

TEXT_WIDTH = 0.54  # mean width of a letter of a system font, as a share of the font size


@dataclass(frozen=True)
class Scale:
    """Scale from values to positions.

    Args:
        low, high: Values at the ends; where they are equal, every value is in the middle.
        start, end: Positions of the ends; the start may be the larger, as it is for heights.
        log: Whether the scale is logarithmic.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Return the position of a value, rounded to a tenth of a pixel to keep the text short."""
        low, high = self._inner(self.low), self._inner(self.high)
        share = 0.5 if low == high else (self._inner(value) - low) / (high - low)
        return round(self.start + share * (self.end - self.start), 1)

    def _inner(self, value: float) -> float:
        return math.log(value) if self.log else value


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Return round numbers within low and high: steps of 1, 2 or 5 times a power of ten."""
    if not high > low:
        return [low]
    raw = (high - low) / max(1, about)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(n * step, 12) for n in range(first, last + 1)]


def tick_texts(values: Sequence[float]) -> list[str]:
    """Format ticks with as many decimals as tell them apart, all alike."""
    for digits in range(7):
        texts = [f"{value:.{digits}f}".replace("-", MINUS) for value in values]
        exact = all(abs(float(f"{v:.{digits}f}") - v) <= 1e-9 + 1e-3 * abs(v) for v in values)
        if exact:
            return texts
    return [f"{value:.2g}" for value in values]


def span(
    values: Iterable[float | None], around: Iterable[float] = (), pad: float = 0.06
) -> tuple[float, float]:
    """Return axis limits: data range plus padding; no padding at values in `around`."""
    known = [value for value in values if value is not None]
    fixed = list(around)
    ends = known + fixed
    if not ends:
        return 0.0, 1.0
    low, high = min(ends), max(ends)
    if low == high:
        return (-0.01, 0.01) if low == 0 else (low - abs(low) / 2, high + abs(low) / 2)
    room = pad * (high - low)
    return low - (0 if low in fixed else room), high + (0 if high in fixed else room)


def element(tag: str, *inside: str | Markup, **attributes: object) -> Markup:
    """Build an element, everything escaped; `class_` and `text_anchor` become class and text-anchor."""
    pairs = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    content = Markup("").join(inside)
    return Markup(f"<{tag}{pairs}>{content}</{tag}>")


def text(x: float, y: float, content: str, anchor: str = "start", class_: str | None = None) -> Markup:
    """Build a line of text."""
    text_anchor = None if anchor == "start" else anchor
    return element("text", content, x=x, y=y, class_=class_, text_anchor=text_anchor)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """Build a straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def mark(x: float, y: float, shape: str, class_: str, size: float = 4.5) -> Markup:
    """Build a point in one of a few shapes, so that series never differ by colour alone."""
    if shape == "circle":
        return element("circle", cx=x, cy=y, r=size, class_=class_)
    if shape == "square":
        side = round(size * 1.8, 1)
        left, top = round(x - side / 2, 1), round(y - side / 2, 1)
        return element("rect", x=left, y=top, width=side, height=side, class_=class_)
    reach = round(size * 1.25, 1)
    corners = {
        "diamond": [(0, -reach), (reach, 0), (0, reach), (-reach, 0)],
        "triangle": [(0, -reach), (reach, 0.8 * reach), (-reach, 0.8 * reach)],
        "wedge": [(0, reach), (reach, -0.8 * reach), (-reach, -0.8 * reach)],
    }[shape]
    points = " ".join(f"{round(x + dx, 1)},{round(y + dy, 1)}" for dx, dy in corners)
    return element("polygon", points=points, class_=class_)


def path(points: Sequence[tuple[float, float]], class_: str) -> Markup:
    """Build a line through points."""
    return element("polyline", points=" ".join(f"{x},{y}" for x, y in points), class_=class_)


def fit(content: str, width: float, size: float = 12) -> str:
    """Cut a text with an ellipsis where it would be wider than the room for it."""
    room = max(3, int(width / (size * TEXT_WIDTH)))
    return content if len(content) <= room else content[: room - 1].rstrip() + "…"


def drawing(
    name: str, title: str, description: str, size: tuple[float, float], parts: Iterable[Markup]
) -> Markup:
    """Build a whole drawing with a title and a description for screen readers.

    Args:
        name: Prefix of its ids, unique on the page.
        title: Title of the drawing.
        description: The figures it shows, in words.
        size: Width and height in its own units, near to pixels on a phone.
        parts: Elements of the drawing.
    """
    width, height = size
    inside = [
        element("title", title, id=f"{name}-title"),
        element("desc", description, id=f"{name}-desc"),
        *parts,
    ]
    box, labels = f"0 0 {width:g} {height:g}", f"{name}-title {name}-desc"
    return element("svg", *inside, viewBox=box, role="img", aria_labelledby=labels, class_="chart")


def named(content: Iterable[Markup], title: str, class_: str) -> Markup:
    """Build a group whose title is shown when a pointer rests on it."""
    return element("g", element("title", title), *content, class_=class_)
