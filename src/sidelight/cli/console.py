"""Terminal output of the verbs: data on standard output, progress and notes on standard error."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sidelight.errors import SpecError, complain
from sidelight.json_files import plain
from sidelight.progress import Progress
from sidelight.target_paths import check_room

if TYPE_CHECKING:
    import polars as pl

Row = Mapping[str, Any]


def note(text: str) -> None:
    """Print a line for the user at the terminal, on standard error."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def progress() -> Iterator[Progress]:
    """Yield a callback that shows one progress bar per label on standard error.

    Where standard error is no terminal it prints plain lines: the first and last of each label and at
    most one every five seconds between.
    """
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        with _bars() as update:
            yield update
    else:
        yield _lines()


@contextmanager
def _bars() -> Iterator[Progress]:
    from rich import progress as rp
    from rich.console import Console

    columns = (
        rp.TextColumn("{task.description}"), rp.BarColumn(), rp.MofNCompleteColumn(),
        rp.TimeElapsedColumn(), rp.TimeRemainingColumn(),
    )  # fmt: skip
    tasks: dict[str, Any] = {}
    with rp.Progress(*columns, console=Console(stderr=True)) as bar:

        def update(done: int, total: int, label: str) -> None:
            key = label.partition(" | ")[0]
            if key not in tasks:
                tasks[key] = bar.add_task(label, total=total or None)
            bar.update(tasks[key], completed=done, total=total or None, description=label)

        yield update


def _lines() -> Progress:
    last: dict[str, float] = {}

    def update(done: int, total: int, label: str) -> None:
        now, key = time.monotonic(), label.partition(" | ")[0]
        if key not in last or done == total or now - last[key] >= 5.0:
            last[key] = now
            note(f"{label}: {done:,} of {total:,}" if total else f"{label}: {done:,}")

    return update


def emit(rows: pl.DataFrame | Iterable[Row], json: bool = False, title: str = "") -> None:
    """Write rows to standard output as a table or as JSON lines.

    Args:
        rows: A polars frame, or dicts of plain values. Missing and non-finite numbers become
            null in JSON and an empty cell in the table.
        json: JSON lines instead of a table.
        title: Heading of the table.
    """
    found: list[Row] = list(rows.iter_rows(named=True)) if hasattr(rows, "iter_rows") else list(rows)
    if json:
        for row in found:
            sys.stdout.write(dumps(plain(row), ensure_ascii=False, allow_nan=False) + "\n")
    else:
        _table(found, title)


def _table(rows: list[Row], title: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    names = list(dict.fromkeys(name for row in rows for name in row))
    table = Table(title=title or None, title_justify="left")
    cells = {name: [plain(row.get(name)) for row in rows] for name in names}
    for name in names:
        numeric = all(v is None or isinstance(v, (int, float)) for v in cells[name])
        table.add_column(Text(name), justify="right" if numeric else "left", overflow="fold")
    for at in range(len(rows)):
        table.add_row(*(Text(_cell(cells[name][at])) for name in names))
    # In a pipe there is no width to fit: cutting a value off would lose it.
    width = None if sys.stdout.isatty() else 10_000
    Console(file=sys.stdout, width=width).print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else dumps(value, ensure_ascii=False)


def target(path: str | Path, force: bool = False, bundle: bool = False) -> Path:
    """Return a target to write to; refuse one that exists already unless `--force` is given.

    With `bundle`, a folder that is not Sidelight's own is refused even so, before any work.
    """
    found = Path(path)
    empty = found.is_dir() and not any(found.iterdir())
    if found.exists() and not empty and not force:
        fix = "choose another -o, or add --force to replace it"
        raise SpecError(complain("a new place to write to", f"{found} exists already", fix=fix))
    if bundle:
        from sidelight.storage import check_target

        check_target(found, force)
    check_room(found)
    return found
