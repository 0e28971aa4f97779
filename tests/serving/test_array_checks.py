"""Arrays that cannot be right are refused before a model answers."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import served
from serving.cases import Change, first, on, resealed

import sidelight as sl
from sidelight.errors import BundleError
from sidelight.serving.store.store import Store


def zipped(folder: Path) -> None:
    [path] = folder.rglob("popular.npy")
    held = io.BytesIO()
    np.savez(held, a=np.load(path))
    path.write_bytes(held.getvalue())


def claimed(*shape: int) -> Change:
    def work(folder: Path) -> None:
        [path] = folder.rglob("popular.npy")
        with open(path, "wb") as stream:
            header = {"descr": "<f4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(stream, header)
            stream.write(b"\0" * 320)

    return work


INDICES = {
    "negative": first(-1), "beyond": lambda a: np.r_[a[:-1], 10**6], "reversed": lambda a: a[::-1].copy(),
    "twice": lambda a: np.r_[a[:1], a[:-1]], "floats": lambda a: a.astype(float),
    "flat": lambda a: a[:, None],
}  # fmt: skip


CASES: dict[str, tuple[str, Change]] = {
    **{f"known {n}": ("ease", on("known.npy", change)) for n, change in INDICES.items()},
    **{f"ridge {n}": ("ridge", on("known.npy", change)) for n, change in INDICES.items()},
    **{f"sources {n}": ("content_knn", on("sources.npy", change)) for n, change in INDICES.items()},
    "blend": ("blend", on("known.npy", first(-3))),
    "items reversed": ("ease", on("item_ids.npy", lambda a: a[::-1].copy())),
    "users reversed": ("ease", on("user_ids.npy", lambda a: a[::-1].copy())),
    "ids twice": ("ease", on("item_ids.npy", lambda a: np.r_[a[:1], a[:-1]])),
    "weights NaN": ("ease", on("weights.npy", first(np.nan))),
    "popular infinite": ("popular", on("popular.npy", first(np.inf))),
    "histories of no item": ("ease", on("history_item.npy", first(-1))),
    "histories of items beyond": ("ease", on("history_item.npy", first(10**6))),
    "an item twice in a history": ("ease", on("history_item.npy", lambda a: np.full_like(a, 1))),
    "histories that start late": ("ease", on("history_start.npy", first(1))),
    "histories that end early": ("ease", on("history_start.npy", lambda a: np.r_[a[:-1], a[-1] - 1])),
    "histories that go back": ("ease", on("history_start.npy", lambda a: np.r_[a[:1], a[-1], a[2:]])),
    "histories of floats": ("ease", on("history_start.npy", lambda a: a.astype(float))),
    "zip": ("popular", zipped),
    "100 GB": ("popular", claimed(25 * 10**9)),
    "overflow": ("popular", claimed(2**40, 2**40)),
    "less than zero": ("popular", claimed(-80, -1)),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_arrays_that_cannot_be_right_are_one_error(tmp_path: Path, case: str) -> None:
    model, change = CASES[case]
    folder = Path(shutil.copytree(served.bundle(model), tmp_path / "model"))
    change(folder)
    resealed(folder)
    for work in (lambda: sl.load(folder), lambda: Store(tmp_path / "store").publish(folder)):
        with pytest.raises(BundleError) as found:
            work()
        assert "\n" not in str(found.value) and str(folder) in str(found.value)
        assert "unexpected" not in str(found.value) and len(str(found.value)) < 600
    assert Store(tmp_path / "store").list() == []


@pytest.mark.parametrize("model", served.SPECS)
@pytest.mark.filterwarnings("ignore::sidelight.models.recommender.NewItemsWarning")
def test_sound_models_pass_also_with_items_that_came_later(tmp_path: Path, model: str) -> None:
    later = served.model(model).add_items(pl.DataFrame({"item_id": ["a-first"], "title": ["folding spade"]}))
    assert len(sl.load(later.save(tmp_path / "model")).items) == len(later.items)
