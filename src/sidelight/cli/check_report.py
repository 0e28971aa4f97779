"""Report of `sidelight check` for the terminal: headline, activity, content, time, findings."""

from __future__ import annotations

import io
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sidelight.cli.shared_options import SCHEMA
from sidelight.data.findings import Finding
from sidelight.data.profile import ModalityCoverage, Profile

STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan"}
MARKS = {"error": "✗", "warning": "▲", "note": "•"}
PLAIN_MARKS = {"error": "x", "warning": "!", "note": "-"}
EIGHTHS = "▏▎▍▌▋▊▉"
WIDEST = 110
WRAP = ("column", "holds")  # columns that wrap where the terminal is narrow


def print_report(summary: Mapping[str, Any], profile: Profile, findings: Sequence[Finding]) -> None:
    """Print the report of a check to standard output."""
    ink = Palette(rich="utf" in (sys.stdout.encoding or "").lower())
    if not ink.rich and isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # values from the data may hold any letter
    console = Console(file=sys.stdout, highlight=False)
    console.width = min(console.width, WIDEST)
    for part in (
        _headline(summary, profile, ink),
        _activity(profile, ink, console.width),
        _content(profile, ink, console.width),
        _time(profile, ink, console.width),
        *_findings(findings, ink),
        _ending(summary),
    ):
        if part is not None:
            console.print(part)
            console.print()


class Palette:
    """Bars and marks in characters that the terminal can show."""

    def __init__(self, rich: bool) -> None:
        self.rich = rich
        self.arrow = "→" if rich else "->"
        self.dot = " · " if rich else " - "

    def mark(self, severity: str) -> Text:
        """Return the sign of a severity, in its colour."""
        return Text((MARKS if self.rich else PLAIN_MARKS)[severity], style=STYLES[severity])

    def bar(self, share: float, width: int, style: str = "blue") -> Text:
        """Draw a horizontal bar; any share above 0 is visible."""
        eighths = round(max(0.0, min(1.0, share)) * width * 8)
        if share > 0:
            eighths = max(1, eighths)
        if not self.rich:
            return Text("#" * max(int(share > 0), eighths // 8), style=style)
        whole, rest = divmod(eighths, 8)
        return Text("█" * whole + (EIGHTHS[rest - 1] if rest else ""), style=style)


def _headline(summary: Mapping[str, Any], p: Profile, ink: Palette) -> RenderableType:
    size = f"{_many(p.n_users, 'user')}, {_many(p.n_items, 'item')}, {_many(p.n_events, 'interaction')}"
    when = f", {p.first[:10]} to {p.last[:10]}" if p.first and p.last else ", no times"
    first = Text.assemble((str(summary["data"]), "bold"), "\n", size, when)
    middle = f"median {p.events_per_user:,.0f} per active user, {p.events_per_item:,.0f} per touched item"
    second = Text(f"{_share(p.density)} of all pairs seen; {middle}")
    return Group(first, second, _verdict(summary, ink))


def _verdict(summary: Mapping[str, Any], ink: Palette) -> Text:
    out = Text()
    for severity in ("error", "warning", "note"):
        n = summary[f"{severity}s"]
        style = STYLES[severity] if n else "dim"
        out.append_text(Text(f"{_many(n, severity)}{ink.dot}", style=style))
    aside = summary["rows_set_aside"]
    out.append(f"{_many(aside, 'row')} set aside", style="bold" if aside else "dim")
    return out


def _activity(p: Profile, ink: Palette, width: int) -> RenderableType:
    """Tabulate users and items by number of interactions, side by side."""
    table = _grid("interactions", ">users", "", "", ">items", "", "")
    room = max(8, (width - 52) // 2)
    most = [max(1, *counts.values()) for counts in (p.users_by_events, p.items_by_events)]
    for bucket in p.users_by_events:
        cells: list[RenderableType] = [Text(bucket, justify="right")]
        for counts, top, total in (
            (p.users_by_events, most[0], p.n_users),
            (p.items_by_events, most[1], p.n_items),
        ):
            n = counts[bucket]
            cells += [
                Text(f"{n:,}", justify="right"),
                Text(_share(n / max(1, total)), "dim", justify="right"),
            ]
            cells.append(ink.bar(n / top, room))
        table.add_row(*cells)
    notes = []
    if p.duplicates:
        notes.append(f"{_many(p.duplicates, 'row')} repeat an event exactly")
    if p.repeats:
        notes.append(f"{_share(p.repeats / p.n_events)} of the interactions come back to an item")
    return _section("Activity", table, "; ".join(notes))


def _content(p: Profile, ink: Palette, width: int) -> RenderableType | None:
    """Tabulate the columns of items and users."""
    if not p.modalities:
        return None
    table = _grid("column", "role", ">present", "", "holds", "")
    for m in p.modalities:
        name = Text(_safe(m.column if m.table == "items" else f"{m.table}.{m.column}"), overflow="fold")
        flags = [w for w, on in (("sensitive", m.sensitive), ("after launch", not m.known_at_launch)) if on]
        bar = ink.bar(m.present, 6 if width < 100 else 16, "green" if m.present > 0.2 else "yellow")
        present = Text(_share(m.present), justify="right")
        role = Text(f"{m.role}?" if m.guessed else m.role, "dim")
        table.add_row(name, role, present, bar, _holds(m), Text(", ".join(flags), "magenta"))
    notes = ["numbers: median (least..most)"] if any("median" in m.richness for m in p.modalities) else []
    if any(m.guessed for m in p.modalities):
        notes.append(f"roles with ? are guesses: -o writes them to {SCHEMA} to be corrected")
    notes += [f"{c}: {n['yes']:,} users agreed, {n['no']:,} did not" for c, n in p.consent.items()]
    return _section("Content", table, "; ".join(notes))


def _holds(m: ModalityCoverage) -> str:
    """Describe the richness of a modality."""
    r = m.richness
    if "words" in r:
        return f"{r['words']:.1f} words"
    if "per_row" in r:
        return f"{r['per_row']:.1f} each, of {r['distinct']:,.0f}"
    if "min" in r:
        return f"{_number(r['median'])} ({_number(r['min'])}..{_number(r['max'])})"
    if "dim" in r:
        return f"{r['dim']:.0f} dimensions"
    return f"{r['distinct']:,.0f} different" if "distinct" in r else ""


def _time(p: Profile, ink: Palette, width: int) -> RenderableType | None:
    """Tabulate events and events on new items in ten bins of equal length."""
    if not p.cold_over_time:
        return None
    table = _grid("from", ">interactions", "", ">on new items", "", ">untouched")
    room = max(8, (width - 58) // 2)
    most = max(b.events for b in p.cold_over_time)
    for b in p.cold_over_time:
        fresh = b.on_new_items
        table.add_row(
            b.start[:10],
            Text(f"{b.events:,}", justify="right"),
            ink.bar(b.events / max(1, most), room),
            Text("-" if fresh is None else _share(fresh), justify="right"),
            ink.bar(fresh or 0.0, room, "magenta"),
            Text(_share(b.untouched), justify="right"),
        )
    note = "On new items: share of a tenth's interactions on items first seen in it. Untouched: of all items."
    return _section("Cold items over time", table, note)


def _findings(findings: Sequence[Finding], ink: Palette) -> list[RenderableType]:
    """List findings by severity; one defect in several places is named once, with its remedy."""
    out: list[RenderableType] = []
    for severity in ("error", "warning", "note"):
        mine = [f for f in findings if f.severity == severity]
        if not mine:
            continue
        table = Table.grid(padding=(0, 1))
        table.add_column(width=1)
        table.add_column(overflow="fold")
        for defect in dict.fromkeys(f.defect for f in mine):
            places = [f for f in mine if f.defect == defect]
            head = Text.assemble((defect, STYLES[severity]), (f"  {ink.arrow} {places[0].fix}", "dim"))
            table.add_row(ink.mark(severity), Group(head, *(_place(f, ink) for f in places)))
        out.append(_section(_many(len(mine), severity), table))
    return out


def _place(f: Finding, ink: Palette) -> Text:
    """Format file, row and column, number of rows, and message of a finding."""
    where = f.file or f.table
    where = f"{where}:{f.row}" if f.row is not None else where
    out = Text.assemble((_safe(f"{where} {f.column}".strip()), "bold"))
    if f.row is not None:
        out.append(f"{ink.dot}{_many(f.count, 'row')}{' set aside' if f.quarantined else ''}", "dim")
    return out.append(ink.dot, "dim").append(_safe(f.message))


def _ending(summary: Mapping[str, Any]) -> RenderableType:
    """Describe the rows that were set aside, and the next step."""
    lines = []
    if summary["rows_set_aside"]:
        kinds = ", ".join(f"{n:,} {d}" for d, n in summary["set_aside_by_defect"].items())
        lines.append(f"{_many(summary['rows_set_aside'], 'row')} set aside: {kinds}.")
    written = summary["written"]
    if written:
        lines += [f"Written: {place}" for place in written.values()]
    elif summary["rows_set_aside"]:
        lines.append("Add -o OUT to write them, and the schema as understood, to files.")
    else:
        lines.append("Add -o OUT to write the schema as understood to a file that you can correct.")
    return Text("\n".join(lines))


def _section(title: str, body: RenderableType, note: str = "") -> RenderableType:
    parts: list[RenderableType] = [Text(title, style="bold"), Padding(body, (0, 0, 0, 2), expand=False)]
    if note:
        parts.append(Padding(Text(note, style="dim"), (0, 0, 0, 2), expand=False))
    return Group(*parts)


def _grid(*heads: str) -> Table:
    """Make a table without lines; a head that begins with ">" is right-aligned."""
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
    for head in heads:
        right = head.startswith(">")
        wraps = head in WRAP
        table.add_column(
            head.removeprefix(">"), justify="right" if right else "left", no_wrap=not wraps, overflow="fold"
        )
    return table


def _safe(text: str) -> str:
    """Replace characters from the data that would control the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _many(n: int, word: str) -> str:
    return f"{n:,} {word}" if n == 1 else f"{n:,} {word}s"


def _share(x: float) -> str:
    """Format a share in percent, with a digit more where it is small."""
    percent = 100 * x
    if percent == 0 or percent >= 99.95:
        return f"{percent:.0f} %"
    return f"{percent:.2f} %" if percent < 1 else f"{percent:.1f} %"


def _number(x: float) -> str:
    if abs(x) >= 1e6:
        return f"{x:.3g}" if abs(x) >= 1e9 else f"{x / 1e6:.1f}M"
    if abs(x) >= 10_000:
        return f"{x:,.0f}"
    if x == int(x):
        return f"{x:.0f}"  # a year, say
    return f"{x:.3g}"
