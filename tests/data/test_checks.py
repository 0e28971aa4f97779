"""The checks as a whole: nothing in clean data, every defect registered, order of rows without effect."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_tables import EVENTS, ITEMS, NOW, USERS, again, findings, plain, put

from sidelight.data import defects
from sidelight.data.checks import CHECKS, check
from sidelight.data.defects import DEFECTS
from sidelight.data.findings import Finding
from sidelight.data.raw_tables import FILE, ROW, RawTables
from sidelight.data.schema import Column, Schema


def test_clean_data_has_one_note_and_nothing_worse() -> None:
    (note,) = check(plain().raw(), now=NOW)
    assert (note.defect, note.severity, note.count) == ("consent-refused", "note", 1)
    assert findings(plain()) == []


def test_thirty_defects_and_more_are_planted() -> None:
    plants = "".join(p.read_text() for p in Path(__file__).parent.glob("test_checks_*.py"))
    planted = set(re.findall(r'Case\(\s*"([a-z0-9-]+)"', plants))
    assert len(planted) >= 60
    assert planted <= DEFECTS.keys()


def test_every_defect_named_in_the_code_is_registered() -> None:
    """And every registered one is somewhere in the code, so that none is promised in vain."""
    room = Path(defects.__file__).parent
    code = "\n".join(p.read_text() for p in room.rglob("*.py") if p.name != "defects.py")
    for table in ("item", "user"):  # names that the code puts together
        code = code.replace("{table[:-1]}", table) + f'"orphan-{table}" "split-cold-{table}"'
        code += f'"duplicate-{table}-row" "conflicting-{table}-row"'
    named = set(re.findall(r'"([a-z0-9]+(?:-[a-z0-9]+)+)"', code))
    assert DEFECTS.keys() <= named
    unregistered = set(re.findall(r'(?:Finding|found|say|reject)\(\s*"([a-z0-9-]+)"', code)) - DEFECTS.keys()
    assert not unregistered


def test_registry_is_plain_and_short() -> None:
    assert len(DEFECTS) >= 40
    for name, (severity, meaning, fix) in DEFECTS.items():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", name)
        assert severity in ("error", "warning", "note")
        assert meaning and fix and len(meaning) < 80 and len(fix) < 80
        assert not meaning.endswith(".") and not fix.endswith(".")


def test_docs_list_every_defect(root: Path) -> None:
    page = (root / "docs" / "check.md").read_text(encoding="utf-8")
    assert defects.markdown() in page, (
        "docs/check.md is stale: python -m sidelight.data.defects docs/check.md"
    )


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


def test_ids_of_another_type_in_another_table_still_meet() -> None:
    shop = plain()
    for table in (EVENTS, USERS):
        for row in shop.rows[table]:
            row["user_id"] = row["user_id"][1:]
    raw = shop.raw()
    numbers = raw.frames[USERS].with_columns(pl.col("user_id").cast(pl.Int64))
    found = check(replace(raw, frames={**raw.frames, USERS: numbers}), now=NOW)
    assert "orphan-user" not in {f.defect for f in found}


def test_smallest_tables_pass_through_every_check() -> None:
    """One event and nothing else, and no event at all: findings, no exception."""
    columns = tuple(Column(n, n) for n in ("user_id", "item_id", "timestamp", "weight"))  # type: ignore[arg-type]
    one = pl.DataFrame({"user_id": [1], "item_id": [2], "timestamp": [NOW - 5], "weight": [1.0]})
    one = one.with_columns(pl.lit("a.csv").cast(pl.Categorical).alias(FILE), pl.lit(1, pl.Int64).alias(ROW))
    for frame in (one, one.clear()):
        found = check(RawTables({EVENTS: frame}, Schema(interactions=columns)), now=NOW)
        assert {"too-few-events", "no-content"} <= {f.defect for f in found}
        assert all(f.severity != "error" for f in found)
