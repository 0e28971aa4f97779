"""Splits that hold out whole items or whole users, to measure cold ones on purpose."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sidelight.data.dataset import Dataset
from sidelight.data.split.assemble import (
    TEST,
    TRAIN,
    VALIDATION,
    assemble,
    draw_share,
    first_times,
    one_per_group,
    ranks,
)
from sidelight.data.split.split import Split
from sidelight.errors import DataError, SpecError, complain
from sidelight.option_types import Natural, OpenShare, PartShare, Seed, check_call
from sidelight.option_values import Range
from sidelight.seeding import generator


def cold_items(
    data: Dataset,
    share: OpenShare = 0.2,
    *,
    by: Literal["random", "time"] = "random",
    warm: Annotated[float, Range("[0, 0.5)")] = 0.1,
    launch: str | None = None,
    seed: Seed = 0,
    simulate: PartShare = 0.1,
) -> Split:
    """Hold out a share of the items: all their events leave training, half validate, half are the test.

    Of the other items' events, a share of each user's goes to validation and to test as well, so
    that cold, warm and overall can all be measured on one list. Every warm item and every user with
    a warm event keeps at least one training event.

    Args:
        data: The data set.
        share: Share of the items with events that become cold, in (0, 1).
        by: "random", or "time": the items that were introduced last (the test ones after the
            validation ones). The warm events are drawn at random either way.
        warm: Share of each user's warm events in validation, and again in test, in [0, .5).
        launch: Column of the item table with the launch (a date, a time, or a number that grows);
            None means the time of the first event. For by="time".
        seed: Random seed.
        simulate: Share of the warm items that stand in for cold ones.

    Examples:
        >>> from sidelight.data.synthetic import make_synthetic
        >>> cold_items(make_synthetic(30, 20, 200).data)
        Split(cold_items: 143 train, 30 validation, 27 test, 4 cold items)
    """
    check_call(cold_items, locals())
    if launch is not None and by != "time":
        raise SpecError(complain("by='time' with a launch column", f"by={by!r} and launch={launch!r}"))
    log = data.interactions
    rng = generator(seed, "split", "cold_items")
    touched = np.flatnonzero(np.bincount(log.item, minlength=data.n_items) > 0)
    order = touched[np.argsort(rng.random(len(touched)))]
    if by == "time":
        since = first_times(data) if launch is None else _launches(data, launch, touched)
        order = order[np.argsort(since[order], kind="stable")]
    chosen = order[len(order) - round(len(order) * share) :]
    if len(chosen) < 2 or len(chosen) == len(order):
        found = f"{len(chosen)} cold of {len(order)} items with events"
        raise DataError(complain("at least 2 cold items and 1 warm one", found, fix="change share"))
    part = np.full(data.n_items, TRAIN, dtype=np.int8)
    part[chosen[: len(chosen) // 2]] = VALIDATION
    part[chosen[len(chosen) // 2 :]] = TEST
    codes = part[log.item]
    rows = np.flatnonzero(codes == TRAIN)
    if warm > 0:
        user, item = log.user[rows], log.item[rows]
        free = ~one_per_group(item, rng) & ~one_per_group(user, rng)
        out = np.flatnonzero(draw_share(user, free, 2 * warm, rng))
        codes[rows[out]] = VALIDATION
        codes[rows[out[draw_share(user[out], np.ones(len(out), dtype=bool), 0.5, rng)]]] = TEST
    how = {"rule": "cold_items", "share": float(share), "by": by, "warm": float(warm), "launch": launch}
    newest = by == "time" and log.timestamp is not None
    return assemble(data, codes, how, seed=seed, simulate=simulate, newest=newest)


def _launches(data: Dataset, column: str, touched: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the launch of each item as a number that grows with time, float64 (n_items,)."""
    data.schema.find("items", column)
    values = data.items[column]
    values = values.dt.epoch("us") if values.dtype.is_temporal() else values
    if not values.dtype.is_numeric():
        raise DataError(complain("dates, times or numbers", str(values.dtype), f"items column {column!r}"))
    found = values.cast(pl.Float64).fill_null(np.nan).to_numpy()
    missing = touched[~np.isfinite(found[touched])]
    if len(missing):
        example = f"{len(missing)} items without one, e.g. {data.item_ids[missing[0]]}"
        where, fix = f"items column {column!r}", "fill it in, or leave launch out to use the first event"
        raise DataError(complain("a launch for every item with events", example, where, fix))
    return found


def cold_users(
    data: Dataset,
    share: OpenShare = 0.2,
    *,
    history: Natural = 1,
    pick: Literal["auto", "first", "random"] = "auto",
    seed: Seed = 0,
    simulate: PartShare = 0.1,
) -> Split:
    """Hold out a share of the users: a model sees `history` of their events, only when it recommends.

    The given events are in `Split.train`, so that `histories()` and `excluded()` know them, and in
    `Split.given`, so that `fit_rows` and `fitting()` leave them out: fitting a model on them would
    make these users known. Half of the new users validate, half are the test.

    Args:
        data: The data set.
        share: Share of the users with at least history + 1 events who are held out, in (0, 1).
        history: Events given for each of them, >= 0.
        pick: Selection of the given events: the "first" ones, "random" ones, or "auto": first where there
            is an order.
        seed: Random seed.
        simulate: Share of the warm items that stand in for cold ones.

    Examples:
        >>> from sidelight.data.synthetic import make_synthetic
        >>> cold_users(make_synthetic(30, 20, 200).data)
        Split(cold_users: 166 train, 12 validation, 22 test, 0 cold items)
    """
    check_call(cold_users, locals())
    log = data.interactions
    if pick == "first" and log.order is None:
        fix = "use pick='random'"
        raise DataError(complain("timestamps or positions", "neither", "the interactions", fix))
    rng = generator(seed, "split", "cold_users")
    size = np.bincount(log.user, minlength=data.n_users)
    able = np.flatnonzero(size > history)
    count = round(len(able) * share)
    if count < 2 or count >= int((size > 0).sum()):
        found = f"{count} of {len(able)} users with more than {history} events"
        fix = "change share or history"
        raise DataError(complain("at least 2 new users and 1 known one", found, fix=fix))
    chosen = rng.permutation(able)[:count]
    part = np.full(data.n_users, TRAIN, dtype=np.int8)
    part[chosen[: count // 2]] = VALIDATION
    part[chosen[count // 2 :]] = TEST
    draw = rng.random(len(log))
    drawn = pick == "random" or log.order is None
    rank, _ = ranks(log.user, draw if drawn else np.arange(len(log)))
    codes = part[log.user]
    given = np.flatnonzero((codes != TRAIN) & (rank < history)).astype(np.int64)
    codes[given] = TRAIN
    picked = "random" if drawn else "first"
    how = {"rule": "cold_users", "share": float(share), "history": int(history), "pick": picked}
    return assemble(data, codes, how, seed=seed, simulate=simulate, given=given)
