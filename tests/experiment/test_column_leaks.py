"""Columns known only with the event: found by what they say, warned of each time, kept in the record."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import sidelight as sl
from sidelight.data.schema import Column, Schema
from sidelight.data.synthetic import make_synthetic
from sidelight.experiment.column_leaks import LeakWarning, leaks

Values = Callable[[int, int, np.random.Generator], Any]

# Of user u and item i. Known with the choice only: what was bought, or said of it.
TOLD: dict[str, Values] = {
    "review": lambda u, i, r: f"my colour{i % 25} one came after {r.integers(9)} weeks",
    "paid": lambda u, i, r: float(i % 40) + 0.01 * r.random(),
    "department": lambda u, i, r: f"d{i % 12}",
    "basket": lambda u, i, r: [f"b{i % 30}", f"x{r.integers(5)}"],
}
# Known before, or of no use.
FREE: dict[str, Values] = {
    "device": lambda u, i, r: ("phone", "desk")[r.integers(2)],
    "session": lambda u, i, r: f"s{u}-{r.integers(10**9)}",
    "account": lambda u, i, r: f"account{u} of user number{u}",
    "random": lambda u, i, r: float(r.random()),
    "comment": lambda u, i, r: f"seen it {r.integers(9)} times this week",
}
KINDS = {"paid": sl.Numbers, "random": sl.Numbers, "basket": sl.Tags, "review": sl.Text, "comment": sl.Text}


@pytest.fixture(scope="module")
def split() -> sl.Split:
    data = make_synthetic(150, 120, 2000, seed=3).data
    log, rng = data.interactions, np.random.default_rng(0)
    pairs = list(zip(log.user.tolist(), log.item.tolist(), strict=True))
    columns = {name: [value(u, i, rng) for u, i in pairs] for name, value in (TOLD | FREE).items()}
    ids = {"user_id": data.user_ids[log.user], "item_id": data.item_ids[log.item]}
    times = pl.from_epoch(pl.Series("timestamp", log.timestamp), time_unit="us")
    roles = {name: name for name in (*ids, "timestamp")} | dict.fromkeys(columns, "context")
    schema = Schema(tuple(Column(name, role) for name, role in roles.items()))  # type: ignore[arg-type]
    events = pl.DataFrame({**ids, "timestamp": times, **columns})
    schema = replace(schema, items=(Column("item_id", "item_id"), Column("title", "text")))
    items = data.items.select("item_id", "title")
    return sl.split.temporal(sl.from_frames(events, items=items, schema=schema))


def towers(name: str) -> sl.TwoTower:
    return sl.TwoTower((sl.Text("title"),), context=(KINDS.get(name, sl.Categories)(name),))


@pytest.mark.parametrize("name", [*TOLD, *FREE])
def test_context_that_names_the_item_is_a_leak_and_what_is_known_before_is_none(
    split: sl.Split, name: str
) -> None:
    for spec in (towers(name), sl.Blend((sl.Popular(), towers(name))), [sl.Popular(), towers(name)]):
        found = leaks(spec, split)
        assert len(found) == (name in TOLD)
        assert all(line.startswith(f"context {name!r} names the item: by it alone") for line in found)


def test_the_sealed_part_is_never_looked_at(split: sl.Split) -> None:
    spec = [towers(name) for name in TOLD]
    assert leaks(spec, split.blind()) == leaks(spec, split) != ()


def item_columns(split: sl.Split) -> dict[str, list[Any]]:
    log, n = split.data.interactions, split.data.n_items
    before = np.bincount(log.item[split.train], minlength=n)
    later = np.bincount(log.item[split.validation], minlength=n)
    rng = np.random.default_rng(1)
    return {
        "votes": (3 * (before + later) + rng.random(n)).tolist(),
        "quotes": [" ".join(["nice"] * int(count + 1)) for count in before + later],
        "sold": (later + 0.01 * rng.random(n)).tolist(),
        "price": rng.random(n).tolist(),
        "notes": [None if rng.random() < 0.3 else "one or two words" for _ in range(n)],
    }


@pytest.mark.parametrize(
    ("name", "said"),
    [("votes", "as their number of clicks does"), ("quotes", "as their number of clicks does"),
     ("sold", "clicks after training"), ("price", ""), ("notes", "")],
)  # fmt: skip
def test_item_content_made_from_clicks_is_a_leak(split: sl.Split, name: str, said: str) -> None:
    items = split.data.items.select("item_id").with_columns(pl.Series(name, item_columns(split)[name]))
    one = replace(split, data=replace(split.data, items=items))
    content = sl.Text(name) if name in ("quotes", "notes") else sl.Numbers(name)
    found = leaks(sl.ContentKNN((content,)), one)
    assert len(found) == bool(said) and all(said in line for line in found)


def test_content_of_items_with_clicks_alone_is_a_leak() -> None:
    split = sl.split.cold_items(make_synthetic(150, 120, 2000, seed=3).data, share=0.4)
    clicked = np.zeros(split.data.n_items, dtype=bool)
    clicked[split.data.interactions.item[np.concatenate([split.train, split.validation])]] = True
    text = pl.Series("quotes", [f"they like it {n % 7}" if has else None for n, has in enumerate(clicked)])
    one = replace(split, data=replace(split.data, items=split.data.items.with_columns(text)))
    [found] = leaks(sl.ContentKNN((sl.Text("quotes"),)), one)
    assert "is there for 100 % of the items with clicks and 0 % of those without" in found
    assert leaks(sl.ContentKNN((sl.Text("title"),)), one) == ()


def test_a_leak_is_warned_of_before_fitting_and_again_from_the_folder(
    split: sl.Split, tmp_path: Path
) -> None:
    options = sl.TrainingOptions(epochs=1, batch_size=64, min_steps=2, task_items=20)
    told = sl.TwoTower((sl.Text("title"),), dim=4, context=(sl.Categories("department"),), options=options)
    arms = {"plain": sl.Popular(), "told": told}
    for _ in range(2):  # the second time nothing is fitted
        with pytest.warns(LeakWarning, match="told: context 'department' names the item"):
            found = sl.compare(split, arms, seeds=1, ks=(20,), folder=tmp_path / "c")
        assert [line.partition(":")[0] for line in found.warnings] == ["told"]
        assert "! told: context 'department'" in str(found)
    kept = json.loads((tmp_path / "c" / "comparison.json").read_text())
    assert [(one["arm"], one["kind"]) for one in kept["warnings"]] == [("told", "leak")]
    assert sl.Comparison.load(tmp_path / "c").warnings == found.warnings
    assert "may have seen the answer" in kept["answer"]["sentence"]
