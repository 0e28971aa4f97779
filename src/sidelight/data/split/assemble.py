"""Shared steps of the split makers: parts to a `Split`, the simulated cold slice, even draws."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sidelight.data.dataset import Dataset
from sidelight.data.read import SidelightWarning
from sidelight.data.split.split import Split, TestHistory
from sidelight.errors import DataError, SpecError, complain
from sidelight.seeding import generator

OUT, TRAIN, VALIDATION, TEST = -1, 0, 1, 2
Codes = NDArray[np.int8]
"""One of OUT, TRAIN, VALIDATION, TEST for each event, shape (n_events,)."""


def assemble(
    data: Dataset,
    codes: Codes,
    how: dict[str, Any],
    *,
    seed: int,
    simulate: float,
    newest: bool | None = None,
    declared: NDArray[np.bool_] | None = None,
    given: NDArray[np.int64] | None = None,
    mask: Literal["seen", "others"] = "seen",
    overall_users: Literal["any", "both"] = "any",
) -> Split:
    """Build the `Split` of a part code per event: candidates, cold items and the simulated slice.

    Args:
        data: The data set.
        codes: Part of each event.
        how: Rule and options; counts of the draw are added to it.
        seed: Random seed of the simulated slice.
        simulate: Share of the warm items in the simulated slice, in [0, 1).
        newest: Simulate with the most recently introduced items rather than uniformly drawn ones;
            None means whenever there are timestamps.
        declared: Items that are cold whatever their events, bool (n_items,).
        given: Rows of held-out users' histories, see `Split.given`.
        mask: See `Split`.
        overall_users: See `Split`.
    """
    rows = {code: np.flatnonzero(codes == code).astype(np.int64) for code in (TRAIN, VALIDATION, TEST)}
    if len(rows[TRAIN]) == 0:
        where = f"a {how.get('rule')} split of {len(codes)} events"
        raise DataError(complain("training events", "none", where))
    split = Split(
        data,
        rows[TRAIN],
        rows[VALIDATION],
        rows[TEST],
        candidates=np.ones(data.n_items, dtype=bool),
        cold=np.zeros(data.n_items, dtype=bool),
        simulated=np.zeros(data.n_items, dtype=bool),
        how={**how, "seed": int(seed), "simulate": float(simulate)},
        mask=mask,
        overall_users=overall_users,
        given=np.empty(0, dtype=np.int64) if given is None else given,
        test_history=history_of_test(data, how["rule"], codes),
    )
    for line in unused_weights(split, "no model (Popular, ItemKNN, EASE, ALS, TwoTower, ...) uses them"):
        warnings.warn(line, SidelightWarning, stacklevel=4)
    return mark_cold_items(split, declared, newest)


def unmeasurable_parts(split: Split) -> list[str]:
    """Return one line for each of validation and test on which nothing can be measured."""
    lines = []
    for part in ("validation", "test"):
        rows = split.validation if part == "validation" else split.sealed
        if not len(rows):
            if split.how["rule"] == "published":  # a file need not name every part
                continue
            lines.append(
                f"the {part} part has no event: nothing can be measured on it; widen it, or gather more"
            )
        elif not split.truth(part, final=True).nnz:
            found = f"all {len(rows):,} events of the {part} part repeat pairs of a user and an item"
            lines.append(f"{found} that were there before: nothing can be measured on it")
    return lines


def unused_weights(split: Split, who: str) -> list[str]:
    """Return one line where the weights of the training events differ, else none.

    Args:
        split: Split whose training events are looked at.
        who: Phrase that names the models and says that they do not use weights.
    """
    weight = split.data.interactions.weight[split.train]
    if not len(weight) or weight.min() == weight.max():
        return []
    fix = "leave out those that speak against the item"
    span = f"{weight.min():g} to {weight.max():g}"
    return [f"interactions have weights ({span}) and {who}: each counts once, whatever its weight; {fix}"]


def history_of_test(data: Dataset, rule: str, codes: Codes) -> TestHistory:
    """Decide whether validation events belong to the history while the test part is ranked.

    They do where the rule divides by order ("temporal", "leave_last_out"), and in a "published"
    split in which the data shows the same: there is a time or position, no user has a validation
    event after one of their own test events, and some user has one before. By chance alone a random
    division of n users passes with a probability of 2^-n at most. Elsewhere they do not: a random
    draw hides both parts from the same history.

    Args:
        data: The data set.
        rule: Name of the split maker, as in `Split.how`.
        codes: Part of each event.
    """
    if rule in ("temporal", "leave_last_out"):
        return "train+validation"
    log = data.interactions
    if rule != "published" or log.order is None:
        return "train"
    last = np.full(data.n_users, np.iinfo(np.int64).min, dtype=np.int64)
    first = np.full(data.n_users, np.iinfo(np.int64).max, dtype=np.int64)
    validation, test = codes == VALIDATION, codes == TEST
    np.maximum.at(last, log.user[validation], log.order[validation])
    np.minimum.at(first, log.user[test], log.order[test])
    both = np.intersect1d(log.user[validation], log.user[test])
    ordered = (last[both] <= first[both]).all() and (last[both] < first[both]).any()
    return "train+validation" if ordered else "train"


def mark_cold_items(
    split: Split, declared: NDArray[np.bool_] | None = None, newest: bool | None = None
) -> Split:
    """Return the split with `cold` and `simulated` computed from its training events.

    Cold are the items without an event to fit on, and the declared ones. The simulated items are
    a share (`how["simulate"]`) of the others, chosen to look like what a new item will be: the
    ones whose first training event is latest where there are timestamps, else drawn uniformly.
    """
    data, log = split.data, split.data.interactions
    cold = np.bincount(log.item[split.fit_rows], minlength=data.n_items) == 0
    if declared is not None:
        cold |= declared
    by_time = log.timestamp is not None if newest is None else newest
    rng = generator(split.how["seed"], "split", "simulated")
    warm = np.flatnonzero(~cold)
    order = np.argsort(rng.random(data.n_items)[warm])
    if by_time:
        order = order[np.argsort(-first_times(data, split.fit_rows)[warm[order]], kind="stable")]
    share = split.how["simulate"]
    # At least one where any is asked for, and never all of them: something must be left to fit on.
    count = min(len(warm) - 1, max(1, round(len(warm) * share))) if share else 0
    chosen = warm[order[:count]]
    simulated = np.isin(np.arange(data.n_items), chosen)
    hidden = simulated[log.item[split.train]]
    drawn = {
        "by": "time" if by_time else "random",
        "items": len(chosen),
        "events": int(hidden.sum()),
        # These users keep no history while options are chosen; they still count as users.
        "users_without_history": len(np.setdiff1d(log.user[split.train], log.user[split.train][~hidden])),
    }
    return replace(split, cold=cold, simulated=simulated, how={**split.how, "simulated": drawn})


def first_times(data: Dataset, rows: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    """Return the time of each item's first event, int64 microseconds (n_items,); max int where none."""
    log = data.interactions
    if log.timestamp is None:
        raise DataError(complain("timestamps", "none", "the interactions", "choose by='random'"))
    item, time = (log.item, log.timestamp) if rows is None else (log.item[rows], log.timestamp[rows])
    first = np.full(data.n_items, np.iinfo(np.int64).max, dtype=np.int64)
    np.minimum.at(first, item, time)
    return first


def draw_share(
    group: NDArray[np.integer[Any]], eligible: NDArray[np.bool_], share: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """Draw `share` of each group's events from its eligible ones, bool (n_events,).

    Systematic sampling in a random order: a group of m events gives floor or ceil of m * share
    (fewer where too few are eligible), and the total is within one of the exact share. So groups
    of three events still give their tenth on average, which rounding per group would lose.
    """
    order = np.lexsort((rng.random(len(group)), group))
    size = np.bincount(group)
    able = np.bincount(group[eligible], minlength=len(size))
    rate = np.minimum(1.0, share * size / np.maximum(able, 1))
    step = np.where(eligible[order], rate[group[order]], 0.0)
    # Rounded so that sums such as .1 + .2 reach whole numbers exactly.
    reached = np.floor(np.round(np.cumsum(step) + rng.random(), 9))
    picked = np.diff(reached, prepend=0.0) > 0
    out = np.zeros(len(group), dtype=bool)
    out[order[picked]] = True
    return out


def draw_nested(rows: NDArray[np.int64], keep: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw a share of some rows, at least one, ascending; from equal draws a larger share holds a smaller."""
    order = np.argsort(rng.random(len(rows)), kind="stable")
    return np.sort(rows[order[: max(1, round(len(rows) * keep))]])


def one_per_group(group: NDArray[np.integer[Any]], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Mark one random event of each group, bool (n_events,)."""
    order = np.lexsort((rng.random(len(group)), group))
    first = np.diff(group[order], prepend=-1) != 0
    out = np.zeros(len(group), dtype=bool)
    out[order[first]] = True
    return out


def ranks(group: NDArray[np.integer[Any]], key: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return (rank from the start, rank from the end) of each event in its group, ordered by the key."""
    order = np.lexsort((key, group))
    size = np.bincount(group)
    start = np.cumsum(size) - size
    rank = np.empty(len(group), dtype=np.int64)
    rank[order] = np.arange(len(group)) - start[group[order]]
    return rank, size[group] - 1 - rank


def check_share(value: float, name: str) -> float:
    """Return a share in (0, 1); raise SpecError for any other value."""
    if not 0 < value < 1:
        raise SpecError(complain(f"{name} as a share > 0 and < 1", repr(value)))
    return float(value)
