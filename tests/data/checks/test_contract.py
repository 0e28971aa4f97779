"""All checks together: clean data, order of findings and rows, progress."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from plain_tables import EVENTS, ITEMS, NOW, USERS, again, findings, plain, put

from sidelight.data.checks import CHECKS, check
from sidelight.data.defects import DEFECTS
from sidelight.data.findings import Finding
from sidelight.data.raw_tables import RawTables


def test_clean_data_has_one_note_and_nothing_worse() -> None:
    (note,) = check(plain().raw(), now=NOW)
    assert (note.defect, note.severity, note.count) == ("consent-refused", "note", 1)
    assert findings(plain()) == []


def test_thirty_defects_and_more_are_planted() -> None:
    plants = "".join(p.read_text() for p in Path(__file__).parent.glob("test_*.py"))
    planted = set(re.findall(r'Case\(\s*"([a-z0-9-]+)"', plants))
    assert len(planted) >= 60
    assert planted <= DEFECTS.keys()


def test_gravest_first_and_reading_findings_are_kept() -> None:
    seen = Finding("ragged-row", "error", EVENTS, "expected 4 fields; found 5", quarantined=True)
    shop = plain()
    put(ITEMS, "title", 3, value="N/A")(shop)
    found = check(replace(shop.raw(), findings=(seen,)), now=NOW)
    assert found[0] == seen
    assert [f.severity for f in found] == ["error", "warning", "note"]


def test_progress_counts_up_to_all_checks() -> None:
    steps: list[tuple[int, int, str]] = []
    check(plain().raw(), now=NOW, progress=lambda *step: steps.append(step))
    assert steps[0][0] == 0 and steps[-1][:2] == (len(CHECKS), len(CHECKS))
    assert [s[0] for s in steps] == sorted(s[0] for s in steps)


@given(seed=st.integers(0, 2**31), plants=st.sets(st.integers(0, 5), max_size=6))
@settings(max_examples=12)
def test_order_of_rows_changes_no_count(seed: int, plants: set[int]) -> None:
    """What is found, and how often, does not hang on the order of the rows of a file."""
    choice = [
        put(ITEMS, "title", 30, value="<b>Bold</b> words of it"), put(ITEMS, "price", 4, value=float("inf")),
        put(EVENTS, "timestamp", 8, value=0), put(EVENTS, "item_id", 9, value="new"),
        again(EVENTS, 7), put(USERS, "agreed", 20, value=None),
    ]  # fmt: skip
    shop = plain()
    for at in sorted(plants):
        choice[at](shop)
    raw = shop.raw()
    mixed = replace(
        raw, frames={n: f.sample(fraction=1.0, shuffle=True, seed=seed) for n, f in raw.frames.items()}
    )

    def counts(tables: RawTables) -> list[tuple[str, str, int]]:
        return sorted((f.defect, f.column, f.count) for f in check(tables, now=NOW))

    assert counts(mixed) == counts(raw)
