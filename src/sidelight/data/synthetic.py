"""Synthetic data with known true preferences, so that tests can tell a better model from a worse one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sidelight.data.dataset import Dataset, fingerprint
from sidelight.data.interactions import Interactions
from sidelight.data.schema import Column, Schema
from sidelight.data.synthetic_content import item_columns, user_columns
from sidelight.errors import SpecError, complain
from sidelight.option_types import Count, PartShare, Share, check_call
from sidelight.option_values import Range
from sidelight.progress import Progress
from sidelight.seeding import generator

Several = Annotated[int, Range("[2, inf)")]

START, DAY = 1_735_689_600_000_000, 86_400_000_000  # 2025-01-01 and a day, in microseconds


@dataclass(frozen=True)
class SyntheticData:
    """Synthetic data set with its true parameters.

    An event at time t is drawn in three steps: a user by activity, one of the user's topics z by taste,
    one of the items available at t by its share of z times its appeal. So

        P(item i | user u, time t) = sum_z taste[u, z] * topics[i, z] * appeal[i] / Z[z, t]

    with Z summing over the available items: the truth has low rank, a popularity part and a
    taste part, and the item's part of it shows in its content.

    Args:
        data: Interactions, items and users as a reader would give them.
        taste: float32 (n_users, n_topics), rows sum to 1.
        topics: float32 (n_items, n_topics), rows sum to 1.
        appeal: float32 (n_items,), > 0: popularity beyond taste.
        launch: int64 microseconds (n_items,): time from which the item is available.
    """

    data: Dataset
    taste: NDArray[np.float32]
    topics: NDArray[np.float32]
    appeal: NDArray[np.float32]
    launch: NDArray[np.int64]

    def affinity(
        self, users: NDArray[np.int64] | None = None, popularity: bool = True
    ) -> NDArray[np.float32]:
        """Return the best possible scores: P(item | user) with every item available.

        Args:
            users: Inner indices; None means all.
            popularity: False leaves the appeal out: taste alone.

        Returns:
            float32, shape (n_users, n_items).
        """
        taste = self.taste if users is None else self.taste[users]
        share = self.topics * self.appeal[:, None] if popularity else self.topics
        return np.asarray(taste @ (share / share.sum(axis=0)).T, dtype=np.float32)


def make_synthetic(
    n_users: Several = 300,
    n_items: Several = 200,
    n_events: Count = 3_000,
    seed: int = 0,
    *,
    n_topics: Several = 8,
    skew: float = 1.0,
    new: PartShare = 0.3,
    noise: Share = 0.2,
    missing: PartShare = 0.1,
    images: bool = False,
    days: int = 365,
    progress: Progress | None = None,
) -> SyntheticData:
    """Make a synthetic data set with known truth: sparse clicks, rich content, new items over time.

    Items have title, description, category, tags, price, vector, launch, votes and, when asked for,
    a photo (PNG of 16 x 16); users have plan, region and gender, which is sensitive and shifts
    taste. `votes` counts clicks and is marked as not known at launch: a leak for tests to find.

    Args:
        n_users, n_items: Sizes; ids are 1 to n.
        n_events: Distinct user-item pairs, at most a third of all pairs.
        seed: Random seed.
        n_topics: Latent dimension of the truth, >= 2.
        skew: Spread of the items' appeal (log-normal sigma); 0 makes items equally popular.
        new: Share of items launched during the time window rather than before it, in [0, 1).
        noise: Share of content that says nothing about the topics, in [0, 1].
        missing: Share of items without description, and of items without vector, in [0, 1).
        images: Add the photo column.
        days: Length of the time window, which begins on 2025-01-01.
        progress: Called with (events drawn, n_events, label).

    Examples:
        >>> shop = make_synthetic(30, 20, 200)
        >>> shop.data, shop.affinity().shape
        (Dataset(30 users, 20 items, 200 interactions), (30, 20))
    """
    check_call(make_synthetic, locals())
    if n_events > (most := n_users * n_items // 3):
        expected = f"1 to {most} events (a third of the pairs)"
        raise SpecError(complain(expected, f"{n_events}", "make_synthetic"))
    rng = generator(seed, "synthetic", "truth")
    plan, region, gender = (rng.integers(0, n, n_users) for n in (3, 5, 2))
    # One gender leans to the first half of the topics: an audit has something to find.
    lean = np.where((np.arange(n_topics) < n_topics // 2) == (gender[:, None] == 0), 0.35, 0.1)
    taste = _rows(rng.gamma(lean))
    # The floor keeps every item reachable from every topic.
    topics = _rows(rng.gamma(0.1, size=(n_items, n_topics)) + 1e-6)
    appeal = np.exp(skew * rng.standard_normal(n_items)).astype(np.float32)
    launch = np.full(n_items, START, dtype=np.int64)
    late = rng.random(n_items) < new
    launch[late] += (rng.random(int(late.sum())) * 0.95 * days * DAY).astype(np.int64)
    launch[rng.integers(n_items)] = START  # some item is always available
    activity = np.cumsum(rng.pareto(1.5, n_users) + 0.3)

    source = _Events(activity, taste, topics * appeal[:, None], launch, days * DAY)
    users, items, times = _events(rng, n_events, source, progress)
    order = np.lexsort((items, times, users))
    log = Interactions(
        users[order].astype(np.int32),
        items[order].astype(np.int32),
        np.ones(n_events, dtype=np.float32),
        times[order],
    )
    content = generator(seed, "synthetic", "content")
    item_side = item_columns(content, topics, launch, items, noise, missing, images)
    data = _dataset(log, item_side, user_columns(plan, region, gender))
    return SyntheticData(data, taste, topics, appeal, launch)


Side = tuple[dict[str, Any], tuple[Column, ...]]


def _dataset(log: Interactions, item_side: Side, user_side: Side) -> Dataset:
    """Build the data set of the events and the columns of each side; ids are 1 to n."""
    (item_values, item_schema), (user_values, user_schema) = item_side, user_side
    item_ids = np.arange(1, len(item_values["title"]) + 1, dtype=np.int64)
    user_ids = np.arange(1, len(user_values["plan"]) + 1, dtype=np.int64)
    items = pl.DataFrame({"item_id": item_ids, **item_values})
    users = pl.DataFrame({"user_id": user_ids, **user_values})
    events = tuple(Column(n, n) for n in ("user_id", "item_id", "timestamp"))
    return Dataset(
        log,
        item_ids,
        user_ids,
        items,
        users,
        Schema(events, item_schema, user_schema),
        fingerprint(log, item_ids, user_ids, items, users),
        {"made by": "sidelight.data.synthetic.make_synthetic"},
    )


@dataclass(frozen=True)
class _Events:
    """Event distribution: cumulated activity, taste, share of each item in each topic, launches."""

    activity: NDArray[np.float64]
    taste: NDArray[np.float32]
    share: NDArray[np.float32]
    launch: NDArray[np.int64]
    span: int

    def draw(self, rng: np.random.Generator, count: int) -> tuple[NDArray[np.int64], ...]:
        """Draw (user, item, time) of `count` independent events."""
        user = np.searchsorted(self.activity, rng.random(count) * self.activity[-1], side="right")
        user = np.minimum(user, len(self.activity) - 1)
        topic = (rng.random(count)[:, None] > np.cumsum(self.taste, axis=1)[user]).sum(axis=1)
        topic = np.minimum(topic, self.taste.shape[1] - 1)
        time = START + (rng.random(count) * self.span).astype(np.int64)
        # Items in order of launch: those available at time t are a prefix.
        order = np.argsort(self.launch, kind="stable")
        live = np.searchsorted(self.launch[order], time, side="right")
        item = np.empty(count, dtype=np.int64)
        at = rng.random(count)
        for z in range(self.taste.shape[1]):
            rows = np.flatnonzero(topic == z)
            reached = np.cumsum(self.share[order, z], dtype=np.float64)
            drawn = np.searchsorted(reached, at[rows] * reached[live[rows] - 1], side="right")
            item[rows] = order[np.minimum(drawn, live[rows] - 1)]
        return user, item, time


def _events(
    rng: np.random.Generator, n_events: int, source: _Events, progress: Progress | None
) -> tuple[NDArray[np.int64], ...]:
    """Draw distinct pairs with their times until there are enough."""
    found = tuple(np.empty(0, dtype=np.int64) for _ in range(3))
    for _ in range(200):
        drawn = source.draw(rng, int(1.2 * (n_events - len(found[0]))) + 100)
        joined = tuple(np.concatenate(pair) for pair in zip(found, drawn, strict=True))
        _, first = np.unique(joined[0] * len(source.launch) + joined[1], return_index=True)
        first.sort()
        found = tuple(column[first[:n_events]] for column in joined)
        if progress is not None:
            progress(len(found[0]), n_events, "drawing events")
        if len(found[0]) == n_events:
            return found
    fix = "ask for fewer events, more users or items, or less skew"
    raise SpecError(complain(f"{n_events} distinct pairs", f"{len(found[0])} after 200 rounds", fix=fix))


def _rows(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Scale rows to sum 1."""
    return np.asarray(values / values.sum(axis=1, keepdims=True), dtype=np.float32)
