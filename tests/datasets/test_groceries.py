"""The groceries of the demo."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from datasets.cases import installed

from sidelight.data import split as make
from sidelight.data.dataset import Dataset
from sidelight.data.read import read, read_raw
from sidelight.datasets import groceries as module
from sidelight.datasets.groceries import groceries
from sidelight.errors import DataError, MissingExtraError, SpecError

DAY = 86_400_000_000


@pytest.fixture(scope="module")
def data(folder: Path) -> Dataset:
    return read(folder)


@installed
def test_the_tables_read_without_a_finding(folder: Path, data: Dataset) -> None:
    raw = read_raw(folder)
    assert raw.findings == () and raw.quarantine.is_empty()
    assert (data.n_items, len(data.interactions)) == (5_000, 60_000)
    assert {p.name for p in folder.iterdir()} == {
        "interactions.csv", "items.csv", "users.csv", "sidelight.toml", "SOURCE.md",
    }  # fmt: skip
    assert "simulated" in (folder / "SOURCE.md").read_text()


@installed
def test_it_is_sparse_and_everybody_takes_a_product_once(data: Dataset) -> None:
    matrix = data.matrix()
    assert matrix.nnz == len(data.interactions)
    assert matrix.nnz / np.prod(matrix.shape) < 0.006
    assert 3 <= np.median(np.bincount(data.interactions.user)) <= 25
    assert np.bincount(data.interactions.item).max() < 0.05 * data.n_users
    assert np.bincount(data.interactions.item).min() >= 1


@installed
@pytest.mark.filterwarnings("ignore:interactions have weights")
def test_what_looks_new_is_new(data: Dataset) -> None:
    time, item = data.interactions.timestamp, data.interactions.item
    assert time is not None
    first = np.full(data.n_items, np.iinfo(np.int64).max)
    np.minimum.at(first, item, time)
    sold = data.items["first_sold"].to_numpy()  # by the day
    assert (first >= sold).all() and (first - sold <= 31 * DAY).all()
    split = make.temporal(data)
    begins = time[split.validation].min()
    assert (sold[split.cold] >= begins - 31 * DAY).all() and (sold[split.warm] < begins).all()
    for part in (split.validation, split.sealed):
        cold = split.cold[item[part]]
        assert 0.1 < cold.mean() < 0.4 and cold.sum() >= 200


@installed
def test_items_say_much_and_some_people_tell_of_themselves(data: Dataset) -> None:
    assert data.items["title"].null_count() == 0 and data.items["title"].n_unique() > 1_500
    assert data.items["category"].n_unique() > 100
    missing = data.items["package_size"].null_count() / data.n_items
    assert 0.1 < missing < 0.6
    known = data.users["age"].is_not_null().mean()
    assert 0.2 < known < 0.5  # type: ignore[operator]
    sensitive = {c.name for c in data.schema.users if c.sensitive}
    assert sensitive == {"age", "income", "marital_status", "home_ownership"}


@installed
def test_the_seed_decides_and_sizes_are_kept(folder: Path, tmp_path: Path) -> None:
    small = {"households": 300, "products": 200, "events": 600}
    for name, seed in (("one", 1), ("same", 1), ("other", 2)):
        (tmp_path / name).mkdir()
        counts = groceries(tmp_path / name, seed, **small)
        assert counts["users"] <= 300 and (counts["items"], counts["events"]) == (200, 600)
    one, same, other = ((tmp_path / n / "interactions.csv").read_bytes() for n in ("one", "same", "other"))
    assert one == same != other
    again = tmp_path / "again"
    again.mkdir()
    groceries(again)
    for file in folder.iterdir():
        assert (again / file.name).read_bytes() == file.read_bytes()


def test_impossible_sizes_are_refused(tmp_path: Path) -> None:
    for wrong in ({"households": 0}, {"products": 5, "events": 4}):
        with pytest.raises(SpecError, match="events >= products"):
            groceries(tmp_path, **wrong)


def test_without_the_package_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'sidelight\[demo\]'"):
        groceries(tmp_path)
    found = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: found)
    with pytest.raises(DataError, match=r"transactions\.parquet"):
        groceries(tmp_path)
    assert list(tmp_path.iterdir()) == []
