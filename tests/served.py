"""Small fitted models with text, a store and a database, for tests of what serves."""

from __future__ import annotations

import atexit
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp
import shop

import sidelight as sl
from sidelight.content.features import Features
from sidelight.content.text import Text, TfidfEncoder
from sidelight.data.histories import Histories
from sidelight.models.content_space import ContentSpace
from sidelight.models.items import Items
from sidelight.models.people import People
from sidelight.models.recommender import Recommender
from sidelight.models.tower_scorer import TowerScorer
from sidelight.serving.database.database import Database
from sidelight.serving.domain import Event
from sidelight.serving.engine import Engine
from sidelight.serving.engine_options import EngineOptions
from sidelight.serving.store.store import Store

TITLE, BRAND = sl.Text("title", "description"), sl.Categories("brand")
SPECS: dict[str, Any] = {
    "popular": sl.Popular(),
    "ease": sl.EASE(reg=20.0),
    "content_knn": sl.ContentKNN((TITLE, BRAND)),
    "hybrid_knn": sl.HybridKNN((TITLE,)),
    "ridge": sl.Ridge((TITLE, BRAND)),
    "als": sl.ALS(dim=8, epochs=3),
    "blend": sl.Blend((sl.Popular(), sl.EASE(20.0), sl.ContentKNN((TITLE,))), depth=40),
    "two_tower": sl.TwoTower(
        content=(TITLE, BRAND), dim=16, options=sl.TrainingOptions(epochs=2, min_steps=4)
    ),
}
START = datetime(2026, 4, 1, tzinfo=UTC)


@cache
def split() -> sl.Split:
    """The made-up shop with its last month and some cold items set apart."""
    with TemporaryDirectory() as folder:
        return sl.split.automatic(sl.read(shop.write(Path(folder) / "shop")))


@cache
def model(name: str = "content_knn") -> Recommender:
    """A fitted model of the shop, by its name in `SPECS`; made once."""
    return SPECS[name].fit(split())


@cache
def bundle(name: str = "content_knn") -> Path:
    """The bundle of a model; written once, away when the tests end."""
    folder = mkdtemp()
    atexit.register(rmtree, folder, ignore_errors=True)
    return model(name).save(Path(folder) / name)


@contextmanager
def engine(
    folder: Path, *names: str, options: EngineOptions | None = None, start: bool = False
) -> Iterator[Engine]:
    """An engine over the bundle of one model (content_knn when none is named).

    With several names, over a store that holds these models as versions of the same names, of which
    the first one serves.
    """
    source: Store | Path = bundle(*names) if len(names) < 2 else stored(folder, *names)
    with Database.open(str(folder / "served.sqlite")) as database:
        made = Engine(source, database, options)
        if start:
            made.start()
        try:
            yield made
        finally:
            made.close()


@contextmanager
def no_collector() -> Iterator[None]:
    """Only what nobody refers to is freed: circles stay, as they do for long in a service."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def stored(folder: Path, *names: str) -> Store:
    """A store of models, of which the first one serves."""
    store = Store(folder / "store")
    for name in names:
        store.publish(bundle(name), name=name)
    store.promote(names[0])
    return store


def event(user: str, item: str, kind: str = "click", after: float = 0.0, **more: Any) -> Event:
    """An event some seconds after the start of April."""
    return Event(user, item, kind, START + timedelta(seconds=after), **more)


def large(n_items: int = 100_000, dim: int = 128, n_users: int = 1000, length: int = 20) -> Recommender:
    """A two-tower of random vectors with titles, made without training."""
    rng = np.random.default_rng(7)
    vectors = rng.standard_normal((n_items, dim), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    words = np.array(["tent", "stove", "lantern", "rope", "spade", "kettle", "guitar", "pan"])
    first, second = words[rng.integers(8, size=n_items)], words[rng.integers(8, size=n_items)]
    titles = [f"{a} with {b} no {n}" for n, (a, b) in enumerate(zip(first, second, strict=True))]
    ids = np.array([f"i{n:07d}" for n in range(n_items)])
    items = pl.DataFrame({"item_id": ids, "title": titles})
    encoder = TfidfEncoder.fit(Text("title", min_df=min(1000, n_items // 20)), items.head(20_000))
    raw = encoder.transform(items)
    space = ContentSpace(
        (encoder,),
        (Features(raw.name, raw.normalised(), raw.present, raw.names),),
        (1.0,),
        (np.zeros(0, dtype=np.float32),),
    )
    table = rng.standard_normal((raw.dim, dim), dtype=np.float32)
    scorer = TowerScorer(
        vectors, space, (table,), np.ones(1, np.float32),
        0.01 * rng.standard_normal(dim, dtype=np.float32),
    )  # fmt: skip
    picked = np.sort(rng.integers(n_items, size=(n_users, length)), axis=1)
    histories = sp.csr_matrix(
        (np.ones(n_users * length, np.float32), picked.ravel(), np.arange(0, n_users * length + 1, length)),
        shape=(n_users, n_items),
    )
    histories.sum_duplicates()
    histories.data[:] = 1.0
    users = np.array([f"u{n:06d}" for n in range(n_users)])
    popular = np.asarray(histories.sum(axis=0), dtype=np.float32).ravel()
    columns = sl.Schema(items=()).items
    people = People(users, Histories.of_matrix(histories))
    known = Items(ids, items, popular, "made", columns)
    return Recommender(sl.TwoTower(content=(TITLE,), dim=dim), scorer, known, people)


def open_files() -> list[Path]:
    """What the files that the process has open are, once a handle; other threads may close one meanwhile."""
    found = []
    for handle in os.listdir("/proc/self/fd"):
        with suppress(FileNotFoundError):
            found.append(Path(os.readlink(f"/proc/self/fd/{handle}")))
    return found
