"""Checks on tables as they were read, one theme per file."""

from __future__ import annotations

import time
from collections.abc import Sequence

import polars as pl

from sidelight.data.checks import (
    behaviour,
    column_values,
    event_times,
    id_columns,
    image_files,
    item_content,
    leakage,
    published_splits,
)
from sidelight.data.checks.checked_tables import Check, CheckedTables
from sidelight.data.findings import Finding
from sidelight.data.raw_tables import RawTables
from sidelight.progress import Progress

CHECKS: tuple[Check, ...] = (
    *id_columns.CHECKS, *event_times.CHECKS, *column_values.CHECKS, *item_content.CHECKS,
    *image_files.CHECKS, *leakage.CHECKS, *behaviour.CHECKS, *published_splits.CHECKS,
)  # fmt: skip
SEVERITIES = {"error": 0, "warning": 1, "note": 2}


def check(
    raw: RawTables,
    *,
    split: pl.DataFrame | None = None,
    now: int | None = None,
    image_limit: int = 2000,
    also: Sequence[Finding] = (),
    progress: Progress | None = None,
) -> list[Finding]:
    """Check tables for all defects; return the findings, those of reading included, worst first.

    Args:
        raw: Tables as `sidelight.data.read.read_raw` gives them.
        split: A published split to check against the data: columns user_id, item_id, split.
        now: Microseconds since 1970 (UTC) after which a time is in the future; default the clock.
        image_limit: Largest number of images per column to open.
        also: Findings from elsewhere to sort in, e.g. of `read_split`.
        progress: Called with (done, total, label).
    """
    now = int(time.time() * 1e6) if now is None else now
    tables = CheckedTables(raw, split=split, now=now, image_limit=image_limit)
    found = [*raw.findings, *also]
    for done, one in enumerate(CHECKS):
        if progress is not None:
            progress(done, len(CHECKS), "checking")
        found += one(tables)
    if progress is not None:
        progress(len(CHECKS), len(CHECKS), "checking")
    return sorted(found, key=lambda f: (SEVERITIES[f.severity], f.table, f.defect))
