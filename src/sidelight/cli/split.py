"""Verb `split`: divide interactions into train, validation and test."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sidelight.cli.console import emit, note, target
from sidelight.cli.shared_options import JsonObject, TablesArgument

if TYPE_CHECKING:
    from sidelight.data.dataset import Dataset
    from sidelight.data.split.split import Split


Rule = Literal["automatic", "temporal", "leave-last-out", "random", "cold-items", "cold-users", "published"]
# The function of each rule in `sidelight.data.split`, and the options that it takes.
_RULES: dict[Rule, tuple[str, tuple[str, ...]]] = {
    "automatic": ("automatic", ()),
    "temporal": ("temporal", ("validation", "test")),
    "leave-last-out": ("leave_last_out", ("n",)),
    "random": ("random_per_user", ("validation", "test")),
    "cold-items": ("cold_items", ("share", "warm", "newest", "launch")),
    "cold-users": ("cold_users", ("share", "history")),
    "published": ("published", ("file", "partial")),
}


When = Annotated[
    str | None,
    typer.Option(metavar="WHEN", help="Begin of this part: a date, or a share such as .1 of events."),
]
Held = Annotated[float | None, typer.Option(help="cold-items, cold-users: share of items or users held out.")]
Warm = Annotated[
    float | None, typer.Option(help="cold-items: share of a user's warm events in validation and in test.")
]
Newest = Annotated[bool, typer.Option("--newest", help="cold-items: hold out the newest, not random ones.")]
Launch = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="cold-items --newest: item column with the launch.")
]
History = Annotated[int | None, typer.Option(min=0, help="cold-users: events given of each new user.")]
File = Annotated[
    Path | None, typer.Option(help="published: table with user_id, item_id, split (timestamp, position).")
]
Partial = Annotated[
    bool, typer.Option("--partial", help="published: leave out events that the file does not name.")
]
Simulate = Annotated[
    float, typer.Option(help="Share of warm items that stand in for new ones while options are chosen.")
]


def split(
    data: TablesArgument,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder to write the split to.", show_default=False)
    ],
    by: Annotated[
        Rule | None,
        typer.Option(help="Rule [default: the one that the other options and the data suggest]."),
    ] = None,
    validation: When = None,
    test: When = None,
    n: Annotated[int | None, typer.Option(min=1, help="leave-last-out: events per user and part.")] = None,
    share: Held = None,
    warm: Warm = None,
    newest: Newest = False,
    launch: Launch = None,
    history: History = None,
    file: File = None,
    partial: Partial = False,
    simulate: Simulate = 0.1,
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 0,
    json: JsonObject = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a split that is there.")] = False,
) -> None:
    """Divide interactions into train, validation and a sealed test, with new items among them.

    Without --by: published with --file, temporal with --validation or --test, else temporal where
    there are timestamps, leave-last-out where there are positions, random otherwise. docs/splits.md
    explains each rule, and when to use which.

    Example:
        sidelight split shop/ -o split/ --force
        sidelight split shop/ -o by-date/ --validation 2026-02-01 --test 2026-03-01
        sidelight split shop/ -o new-items/ --by cold-items --newest --seed 1
    """
    from sidelight.data.read import read
    from sidelight.data.split.files import write_split

    given: dict[str, Any] = {
        "validation": validation, "test": test, "n": n, "share": share, "warm": warm,
        "newest": newest or None, "launch": launch, "history": history, "file": file,
        "partial": partial or None,
    }  # fmt: skip
    given = {name: value for name, value in given.items() if value is not None}
    rule = by or _implied(given)
    stray = sorted(set(given) - set(_RULES[rule][1]))
    if stray:
        raise typer.BadParameter(f"--{stray[0]} has no effect with --by {rule}; see sidelight split --help")
    place = target(output, force, bundle=True)
    found = _make_split(rule, read(data), given, seed, simulate)
    write_split(found, place, source=data, force=force)
    summary = found.summary()
    if json:
        emit([{**summary, "written": str(place)}], json=True)
        return
    emit(_rows(summary), title=_title(found))
    print(_closing(summary))
    note(f"written to {place}")


def _implied(given: dict[str, Any]) -> Rule:
    if "file" in given or "partial" in given:
        return "published"
    return "temporal" if "validation" in given or "test" in given else "automatic"


def _make_split(rule: Rule, data: Dataset, given: dict[str, Any], seed: int, simulate: float) -> Split:
    from sidelight.data import split
    from sidelight.data.split.assemble import unmeasurable_parts

    options: dict[str, Any] = dict(given)
    for name in ("validation", "test"):
        if name in options:
            options[name] = _time_or_share(options[name])
    if options.pop("newest", False):
        options["by"] = "time"
    if rule == "published":
        if "file" not in options:
            raise typer.BadParameter("--by published needs --file")
        options["path_or_frame"] = options.pop("file")
    make = getattr(split, _RULES[rule][0])
    found: Split = make(data, **options, seed=seed, simulate=simulate)
    for line in unmeasurable_parts(found):
        note(f"warning: {line}")
    return found


def _time_or_share(text: str) -> str | float:
    """Return a share where the text is a number with a point, else the date unchanged."""
    try:
        return float(text) if "." in text and "-" not in text and ":" not in text else text
    except ValueError:
        return text


def _rows(summary: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"part": part, **summary[part]} for part in ("train", "validation", "test")]


def _title(split: Split) -> str:
    how = split.how
    if how["rule"] == "temporal":
        begins = [how[f"{part}_from"][:16] for part in ("validation", "test")]
        return f"temporal: validation from {begins[0]}, test from {begins[1]}"
    shown = {
        k: v for k, v in how.items() if k not in ("rule", "seed", "simulate", "simulated", "chosen", "parts")
    }
    options = ", ".join(f"{name} {value}" for name, value in shown.items() if value not in (None, "", 0))
    return f"{how['rule']}{f': {options}' if options else ''}"


def _closing(summary: dict[str, Any]) -> str:
    chosen = summary["how"].get("chosen")
    lines = [
        f"{summary['users']:,} users, {summary['items']:,} items: {summary['warm_items']:,} warm, "
        f"{summary['cold_items']:,} cold.",
        f"{summary['simulated_items']:,} warm items with {summary['simulated_events']:,} training events "
        "stand in for new ones while options are chosen.",
    ]
    events = summary["test_history"].replace("+", " + ")
    lines.append(f"History of a user on the test part: {events} events.")
    if summary["given_events"]:
        lines.append(f"{summary['given_events']:,} training events are given histories of held-out users.")
    if chosen:
        lines.append(f"Rule: {chosen}.")
    return "\n".join(lines)
