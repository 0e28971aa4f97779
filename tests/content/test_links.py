"""Links: both ends, itself, ids outside the catalogue, new items; added to other modalities, not averaged."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import sidelight as sl
from sidelight.content.links import LinkEncoder
from sidelight.errors import DataError, SpecError

ITEMS = pl.DataFrame({"item_id": ["a", "b", "c", "d", "e"], "cites": [["b", "x"], None, ["x"], [], ["e"]]})


def reference(items: pl.DataFrame, min_count: int = 2) -> dict[str, set[str]]:
    """Ids in the row of each item, by the definition, slowly."""
    lists = {i: set(own or ()) for i, own in items.select("item_id", "cites").iter_rows()}
    rows = {i: own | {j for j, other in lists.items() if i in other} for i, own in lists.items()}
    rows = {i: row | {i} if row else row for i, row in rows.items()}
    counts: dict[str, int] = {}
    for row in rows.values():
        for name in row:
            counts[name] = counts.get(name, 0) + 1
    return {i: {name for name in row if counts[name] >= min_count} for i, row in rows.items()}


@pytest.mark.parametrize("min_count", [1, 2, 3])
def test_rows_are_both_ends_and_itself(min_count: int) -> None:
    rng = np.random.default_rng(0)
    names = [f"i{n}" for n in range(30)]
    lists = [list(rng.choice([*names, "out1", "out2"], rng.integers(0, 4), replace=False)) for _ in names]
    items = pl.DataFrame({"item_id": names, "cites": lists})
    _, features = sl.content.fit_features(sl.Links("cites", min_count=min_count), items)
    rows = features.values.toarray()
    for at, name in enumerate(names):
        found = {features.names[j].removeprefix("cites=") for j in np.flatnonzero(rows[at])}
        assert found == reference(items, min_count)[name]
    count = (rows > 0).sum(axis=0)
    weight = np.log(31 / (1 + count)) + 1
    np.testing.assert_allclose(rows, (rows > 0) * weight, rtol=1e-6)


def test_a_new_item_is_near_to_what_it_links_to_and_a_dead_link_is_none() -> None:
    encoder, features = sl.content.fit_features(sl.Links("cites"), ITEMS)
    new = encoder.transform(pl.DataFrame({"item_id": ["n", "m"], "cites": [["a"], ["nowhere"]]}))
    assert new.present.tolist() == [True, False]
    near = (new.values[0] @ features.values.T).toarray().ravel()
    assert near[0] > 0 and near[1] > 0 and near[3] == 0  # a, and b, which a cites
    unnamed = encoder.transform(pl.DataFrame({"cites": [["a"]]}))
    np.testing.assert_array_equal(unnamed.values.toarray(), new.values[:1].toarray())


def test_numbers_and_text_name_the_same_items() -> None:
    whole = pl.DataFrame({"item_id": [1, 2, 3], "cites": [[2], [3], None]})
    joined = pl.DataFrame({"item_id": ["1", "2", "3"], "cites": ["2", "3", ""]})
    _, one = sl.content.fit_features(sl.Links("cites"), whole)
    _, two = sl.content.fit_features(sl.Links("cites", separator=" "), joined)
    assert one.names == two.names and abs(one.values - two.values).max() == 0


@pytest.mark.parametrize(
    ("items", "error", "said"),
    [
        (pl.DataFrame({"cites": [["a"]]}), SpecError, "item_id"),
        (pl.DataFrame({"item_id": ["a"], "cites": [[]]}, {"item_id": pl.String, "cites": pl.List(pl.String)}),
         DataError, r"none; in Links\('cites'\)"),
        (pl.DataFrame({"item_id": ["a", "b"], "cites": [["x"], ["y"]]}), DataError, r"Links\('cites'\)"),
        (pl.DataFrame({"item_id": ["a"], "cites": ["b c"]}), DataError, "lists of labels"),
    ],
)  # fmt: skip
def test_errors_name_the_column(items: pl.DataFrame, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        sl.Links("cites").fit(items)


def test_damaged_positions_are_refused() -> None:
    arrays, meta = sl.Links("cites").fit(ITEMS).state()
    with pytest.raises(ValueError, match="positions"):
        LinkEncoder.restore({**arrays, "incoming0": np.array([[0, 99]])}, meta)
