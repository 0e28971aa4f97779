"""Numbers in everyday notation."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidelight.data.parse_amounts import amounts
from sidelight.data.read import from_frames, read_raw
from sidelight.data.schema import Column, Schema

GAPS = {",": [".", " ", "\u00a0", "\u202f", "'", ""], ".": [",", " ", "\u2009", "\u2019", ""]}


SIGNS = [
    "{} €",
    "{}€",
    "€ {}",
    "${}",
    "US${}",
    "£{}",
    "CHF {}",
    "{} EUR",
    "{} kr",
    "{} zł",
    "{} %",
    "{}%",
    "{}",
]


@given(
    st.lists(st.decimals(-(10**7), 10**7, places=2), min_size=2, max_size=8),
    st.sampled_from([(mark, gap) for mark, gaps in GAPS.items() for gap in gaps]),
    st.sampled_from(SIGNS),
)
def test_any_usual_writing_is_read_back(numbers, style, sign):
    mark, gap = style
    swap = {",": gap, ".": mark}
    text = ["".join(swap.get(c, c) for c in sign.format(f"{n:,.2f}")) for n in numbers]
    read = amounts(pl.Series("price", text))
    assert read.values.to_list() == [pytest.approx(float(n)) for n in numbers]
    assert read.mark in ("", mark) and not read.doubt


@pytest.mark.parametrize(
    ("text", "want", "doubt"),
    [
        (["(12.50)", "3.00"], [-12.5, 3], ""),
        (["12.50-", "3"], [-12.5, 3], ""),
        (["12,-", "9,95"], [12, 9.95], ""),
        (["\u22125,5", None, ""], [-5.5, None, None], ""),
        (["1,29,900.00", "5"], [129_900, 5], ""),
        (["9,99", "9.99", "8,88"], [9.99, None, 8.88], ""),  # the column has a comma: 9.99 is set aside
        (["1e5", "nan", "2,5"], [1e5, pytest.approx(float("nan"), nan_ok=True), 2.5], ""),
        (["1.299 €", "2.450 €"], [1299, 2450], "decimal"),
        (["1,299", "2,450"], [1299, 2450], "decimal"),
        (["1.299", "2.450"], [1.299, 2.45], "decimal"),
        (["0.125", "2.450"], [0.125, 2.45], ""),
        (["$5", "6 €"], [5, 6], "different units"),
        (["50%", "0.4"], [50, 0.4], "different units"),
        (["B12", "p3", "1.2.3", "12 kg"], [None] * 4, ""),
    ],
)
def test_signs_marks_and_doubts(text, want, doubt):
    read = amounts(pl.Series("price", text))
    assert read.values.to_list() == want
    assert (doubt in read.doubt) == bool(doubt or not read.doubt)


def test_prices_are_numbers_and_a_doubt_names_the_line_that_decides(tmp_path):
    events = {"user_id": [1] * 8, "item_id": list(range(8)), "paid": [f"{k},50 €" for k in range(8)]}
    items = {"item_id": list(range(8)), "price": [f"{k + 1}.{k}99 €" for k in range(8)]}
    data = from_frames(events, items)
    assert data.items["price"].to_list() == [(k + 1) * 1000 + k * 100 + 99 for k in range(8)]
    assert data.interactions.context["paid"].to_list() == [k + 0.5 for k in range(8)]
    pl.DataFrame(items).write_csv(tmp_path / "items.csv")
    pl.DataFrame(events).write_csv(tmp_path / "interactions.csv")
    [found] = [f for f in read_raw(tmp_path).findings if f.column == "price"]
    assert found.defect == "ambiguous-values" and 'price = { role = "number", unit = "." }' in found.fix
    declared = Schema(items=(Column("item_id", "item_id"), Column("price", "number", unit=".")))
    data = from_frames(events, items, schema=declared)
    assert data.items["price"].to_list() == pytest.approx([k + 1 + k / 10 + 0.099 for k in range(8)])
