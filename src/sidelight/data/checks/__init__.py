"""All checks on tables as they were read, one theme a file."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import polars as pl

from sidelight.data.checks import (
    behaviour,
    columns,
    content,
    ids,
    images,
    language,
    leaks,
    splits,
    times,
    vectors,
)
from sidelight.data.checks.tables import Check, Tables
from sidelight.data.findings import Finding
from sidelight.data.raw import RawTables

CHECKS: tuple[Check, ...] = (
    *ids.CHECKS, *times.CHECKS, *columns.CHECKS, *content.CHECKS, *language.CHECKS,
    *vectors.CHECKS, *images.CHECKS, *leaks.CHECKS, *behaviour.CHECKS, *splits.CHECKS,
)  # fmt: skip
GRAVITY = {"error": 0, "warning": 1, "note": 2}


def check(
    raw: RawTables,
    *,
    split: pl.DataFrame | None = None,
    now: int | None = None,
    image_limit: int = 2000,
    also: Sequence[Finding] = (),
    progress: Callable[[int, int, str], None] | None = None,
) -> list[Finding]:
    """Every defect found in the tables, those seen while reading included, gravest first.

    Args:
        raw: Tables as `sidelight.data.read.read_raw` gives them.
        split: A published split to check against the data: columns user_id, item_id, split.
        now: Microseconds since 1970 (UTC) after which a time is in the future; default the clock.
        image_limit: How many images of a column are opened at most.
        also: Findings from elsewhere to sort in, e.g. of `read_split`.
        progress: Called with (done, total, label).
    """
    now = int(time.time() * 1e6) if now is None else now
    tables = Tables(raw, split=split, now=now, image_limit=image_limit)
    found = [*raw.findings, *also]
    for done, one in enumerate(CHECKS):
        if progress is not None:
            progress(done, len(CHECKS), "checking")
        found += one(tables)
    if progress is not None:
        progress(len(CHECKS), len(CHECKS), "checking")
    return sorted(found, key=lambda f: (GRAVITY[f.severity], f.table, f.defect))
