"""Fingerprints of data sets."""

import polars as pl
from data.cases import EVENTS, frame
from hypothesis import given
from hypothesis import strategies as st

from sidelight.data.read import from_frames


@given(EVENTS, st.integers(0, 3), st.sampled_from(["user_id", "item_id", "timestamp", "weight"]))
def test_another_content_has_another_fingerprint(rows, which, column):
    rows = sorted(set(rows))
    which = min(which, len(rows) - 1)
    changed = frame(rows).with_row_index("at")
    other = pl.col(column).cast(pl.String) + "9" if column == "item_id" else pl.col(column) + 100
    changed = changed.with_columns(
        pl.when(pl.col("at") == which).then(other).otherwise(pl.col(column)).alias(column)
    )
    assert from_frames(changed.drop("at")).fingerprint != from_frames(frame(rows)).fingerprint


def test_fingerprints_see_nulls_lists_and_column_names():
    events = {"user_id": [1], "item_id": [1]}

    def of(**columns):
        return from_frames(events, items=pl.DataFrame({"item_id": [1, 2], **columns})).fingerprint

    titles = [["a b", None], [None, "a b"], ["a", "b"], ["ab", "c"], ["a", "bc"]]
    seen = [of(), of(name=["a b", None]), *(of(title=t) for t in titles)]
    seen += [
        of(tags=[["a"], ["b"]]),
        of(tags=[["a", "b"], None]),
        of(jpeg=[b"a", b"b"]),
        of(jpeg=[b"ab", None]),
    ]
    seen += [of(price=[1.0, 2.0]), of(price=[2.0, 1.0])]
    assert len(set(seen)) == len(seen)
    assert of(price=[0.0, 1.0]) == of(price=[-0.0, 1.0])


def test_fingerprints_of_data_without_context_are_as_they_were():
    data = from_frames(
        {"user_id": ["b", "a", "b"], "item_id": ["x", "y", "x"], "timestamp": [3, 1, 2]},
        {"item_id": ["x", "z"], "title": ["an x", "a z"]},
        {"user_id": ["a"], "plan": ["free"]},
    )
    assert data.interactions.context is None
    assert data.fingerprint == "fcaeb6f0524bf83d4b5001436037fb5a70db8654763148e669367c4a0c44bd8a"


def test_fingerprints_see_context():
    def of(**columns):
        return from_frames({"user_id": [1, 2], "item_id": [1, 2], **columns}).fingerprint

    seen = [of(), of(page=["a", "b"]), of(page=["b", "a"]), of(page=["a", None]), of(place=["a", "b"])]
    assert len(set(seen)) == len(seen)
