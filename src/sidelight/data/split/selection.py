"""Split to choose options on: validation, completed from training events where it is thin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sidelight.data.split.assemble import draw_share, one_per_group, ranks
from sidelight.data.split.split import Split
from sidelight.seeding import generator

SHARE = 0.2  # of each user's training events that move to validation where it is thin
MOST = 0.5  # and where a fifth of them is still too few
Rows = NDArray[np.int64]


def selection_split(split: Split, minimum: int = 200, fold: int = 0) -> Split:
    """Return a split with enough validation events on warm and on cold items, if they can be had.

    Where fewer than `minimum` validation events fall on warm items, a share of every user's training
    events becomes validation, the latest ones where there is an order; a user's only event is never
    taken. Where fewer than `minimum` fall on cold items, the `simulated` items lose their training
    events, which become validation events on cold items, for users who keep a history; the events of
    the others are left out. Items that lose all their events this way are cold.

    With one event per user nothing can be moved: the validation part stays as thin as it is.

    Args:
        split: The split; returned itself where its validation is enough.
        minimum: Validation events per side, of users with a history.
        fold: Number of the draw of moved events and hidden items; fold 0 takes the latest events and
            newest items where there is an order, all others draw at random.

    Returns:
        A split without test events whenever it differs from the given one.

    Examples:
        >>> import sidelight as sl
        >>> from sidelight.data.synthetic import make_synthetic
        >>> split = sl.split.leave_last_out(make_synthetic(30, 20, 200).data)
        >>> selection_split(split, minimum=10_000)
        Split(leave_last_out: 69 train, 102 validation, 0 test, 2 cold items)
    """
    chosen = split
    if usable_events(split, cold=False) < minimum or fold:
        chosen = _moved_events(chosen, minimum, fold)
    if usable_events(chosen, cold=True) < minimum and chosen.simulated.any():
        chosen = _hidden_items(chosen, fold)
    if chosen is split:
        return split
    # Hiding items may have taken the rest of a history that events were moved out of.
    log = split.data.interactions
    known = np.bincount(log.user[chosen.train], minlength=split.data.n_users) > 0
    kept = known[log.user[chosen.validation]] | np.isin(chosen.validation, split.validation)
    how = {**split.how, "selection": True}
    return replace(chosen, validation=chosen.validation[kept], how=how).blind()


def usable_events(split: Split, cold: bool) -> int:
    """Count validation events on cold or on warm items, of users who have a history."""
    log = split.data.interactions
    known = np.bincount(log.user[split.train], minlength=split.data.n_users) > 0
    rows = split.validation[known[log.user[split.validation]]]
    side = split.cold[log.item[rows]]
    return int(side.sum() if cold else (~side).sum())


def _moved_events(split: Split, minimum: int, fold: int) -> Split:
    """Return the split with a share of each user's events moved from training to validation."""
    rows, log = split.fit_rows, split.data.interactions
    user = log.user[rows]
    rng = generator(fold, "selection", "carved")
    size = np.bincount(user, minlength=split.data.n_users)
    several = size[user] > 1
    if not several.any():
        return split
    share = float(np.clip(2 * minimum / int(several.sum()), SHARE, MOST))
    if fold == 0 and log.order is not None:
        _, back = ranks(user, np.arange(len(rows)))
        wanted = np.floor(share * size + rng.random(split.data.n_users)).astype(np.int64)
        taken = back < np.minimum(wanted, size - 1)[user]
    else:
        taken = draw_share(user, several & ~one_per_group(user, rng), share, rng)
    return _moved(split, rows[taken], rows[taken])


def _hidden_items(split: Split, fold: int) -> Split:
    """Return the split with its simulated items hidden: their events are validation events on cold items."""
    log, items = split.data.interactions, split.simulated
    if fold:
        items = np.zeros_like(items)
        warm = np.flatnonzero(~split.cold)
        count = min(int(split.simulated.sum()), len(warm) - 1)
        items[generator(fold, "selection", "hidden").choice(warm, count, replace=False)] = True
    hidden = split.train[items[log.item[split.train]]]
    kept = np.setdiff1d(split.train, hidden, assume_unique=True)
    left = np.bincount(log.user[kept], minlength=split.data.n_users) > 0
    # Events given at recommendation time are no targets, nor are those of users without any other.
    targets = np.setdiff1d(hidden[left[log.user[hidden]]], split.given)
    chosen = _moved(split, hidden, targets)
    return replace(chosen, cold=chosen.cold | items, simulated=np.zeros_like(items))


def _moved(split: Split, out: Rows, targets: Rows) -> Split:
    """Return the split with some rows out of training, and some of these in validation."""
    train = np.setdiff1d(split.train, out, assume_unique=True)
    given = np.setdiff1d(split.given, out)
    validation = np.sort(np.concatenate([split.validation, targets]))
    chosen = replace(split, train=train, given=given, validation=validation)
    counts = np.bincount(split.data.interactions.item[chosen.fit_rows], minlength=split.data.n_items)
    cold = split.cold | (counts == 0)
    return replace(chosen, cold=cold, simulated=split.simulated & ~cold)
