"""Account of columns: each is used, declared, or named in a finding."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidelight.data.frames import frame_table
from sidelight.data.join_tables import join_tables
from sidelight.data.schema import Column, Schema

VALUE = st.sampled_from([
    "9,99 €", "$1.50", "12", "1.299", "a|b", "['x', 'y']", "{a,b}", '{"k": 1}', "B00X1", "a b c d e f g",
    "2024-01-31", "31.12.2023", "20240131", "1700000000", "45244", "76 %", "12 kg", "http://h/x.jpg", "a.png",
    "", " ", "true", "[0.5, 1]", "é", "1:30", "red",
])  # fmt: skip


COLUMN = st.lists(st.none() | VALUE, min_size=6, max_size=6) | VALUE.map(lambda v: [v] * 6)


NAME = st.sampled_from([
    "price", "tags", "clicked_at", "launch_date", "url", "x", "title", "brand", "code", "review", "year",
])  # fmt: skip


TABLE = st.dictionaries(NAME, COLUMN, max_size=4)


@settings(max_examples=150)
@given(TABLE, TABLE, TABLE, st.sampled_from(["", "items", "interactions"]))
def test_every_column_is_used_declared_or_named(events, items, users, declared):
    ids = {"interactions": ("user_id", "item_id"), "items": ("item_id",), "users": ("user_id",)}
    given = {"interactions": events, "items": items, "users": users}
    frames = {t: {**{k: list(range(6)) for k in ids[t]}, **columns} for t, columns in given.items()}
    sheets = {t: [frame_table(frame, t)] for t, frame in frames.items()}
    schema = Schema(**{declared: tuple(Column(k, k) for k in ids[declared])}) if declared else None
    raw = join_tables(sheets, schema)
    for table, columns in given.items():
        used = {c.source or c.name for c in raw.schema.columns(table) if c.role != "ignore"}
        for name in columns:
            said = [f for f in raw.findings if f.table == table and f.column == name]
            assert name in used or said, (table, name)
            assert name in used or any("role = " in f.fix or f.defect == "empty-column" for f in said)


@pytest.mark.parametrize(
    ("name", "values", "defect", "line"),
    [
        ("price", [f"about {k} or so" for k in range(30)], "unexpected-role", 'price = { role = "number" }'),
        (
            "launch_date",
            [f"quarter {k}" for k in range(30)],
            "unexpected-role",
            'launch_date = { role = "timestamp" }',
        ),
        ("maker", [f"B00{k}" for k in range(30)], "unused-column", 'maker = { role = "category" }'),
        ("extra", ['{"a": 1}'] * 30, "unused-column", 'extra = { role = "text" }'),
    ],
)
def test_the_finding_has_the_line_to_write(name, values, defect, line):
    items = pl.DataFrame({"item_id": range(30), name: values})
    events = {"user_id": [1], "item_id": [1]}
    raw = join_tables(
        {"interactions": [frame_table(events, "interactions")], "items": [frame_table(items, "items")]}
    )
    [found] = [f for f in raw.findings if f.column == name]
    assert found.defect == defect and line in found.fix and "[items]" in found.fix
    assert raw.guessed == {"interactions", "items"}
