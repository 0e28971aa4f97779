"""Split makers by time, by position in a history and at random, and thinning of a split."""

from __future__ import annotations

import warnings
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sidelight.data.dataset import Dataset
from sidelight.data.interactions import Interactions
from sidelight.data.read import SidelightWarning
from sidelight.data.schema import Column
from sidelight.data.schema_file import line_of
from sidelight.data.split.assemble import (
    TEST,
    TRAIN,
    VALIDATION,
    assemble,
    check_share,
    draw_nested,
    draw_share,
    mark_cold_items,
    one_per_group,
    ranks,
)
from sidelight.data.split.split import Split
from sidelight.data.timestamps import time_unit
from sidelight.errors import DataError, SpecError, complain
from sidelight.option_types import Count, OpenShare, PartShare, Seed, SomeShare, check_call
from sidelight.seeding import generator

Boundary = str | date | datetime | int | float


def temporal(
    data: Dataset,
    validation: Boundary = 0.1,
    test: Boundary = 0.1,
    *,
    seed: Seed = 0,
    simulate: PartShare = 0.1,
) -> Split:
    """Split by time with the same boundaries for all users: past, near past and future. The default.

    Training ends where validation begins, validation where the test begins; an event exactly on a
    boundary belongs to the later part. New items and new users appear by themselves.

    All items are candidates, those that appear only in the test period too: only a catalogue with launch
    dates knows which of them were available at which time.

    Args:
        data: A data set with timestamps.
        validation: Start of validation: an ISO date or time, a datetime (UTC where it names no
            zone), int microseconds since 1970, or a share of all events, in (0, 1), that lie in it.
        test: The same for the test part.
        seed: Random seed of the simulated slice.
        simulate: Share of the warm items that stand in for cold ones, see `Split.simulated`.

    Raises:
        DataError: No timestamps, or a part would be empty.

    Examples:
        >>> from sidelight.data.synthetic import make_synthetic
        >>> temporal(make_synthetic(30, 20, 200).data, validation=0.2, test=0.2)
        Split(temporal: 120 train, 40 validation, 40 test, 0 cold items)
    """
    check_call(temporal, locals())
    time = data.interactions.timestamp
    if time is None:
        fix = "use leave_last_out where there are positions, else random_per_user"
        raise DataError(complain("timestamps", "none", "the interactions", fix))
    ordered = np.sort(time)
    test_from = _boundary(test, ordered, len(ordered), "test")
    before = int(np.searchsorted(ordered, test_from))
    validation_from = _boundary(validation, ordered, before, "validation")
    if validation_from >= test_from:
        found = f"validation from {_text(validation_from)}, test from {_text(test_from)}"
        raise DataError(complain("validation before test", found, fix="swap them, or move one"))
    codes = np.full(len(time), TRAIN, dtype=np.int8)
    codes[time >= validation_from] = VALIDATION
    codes[time >= test_from] = TEST
    for name, code in (("training", TRAIN), ("validation", VALIDATION), ("test", TEST)):
        if not (codes == code).any():
            found = f"none; validation begins {_text(validation_from)}, test {_text(test_from)}"
            span = [_text(time) for time in ordered[[0, -1]]] if len(ordered) else []
            where = f"events from {span[0]} to {span[1]}" if span else "no events"
            raise DataError(complain(f"{name} events", found, where, "move the boundaries"))
    how = {"rule": "temporal", "validation_from": _text(validation_from), "test_from": _text(test_from)}
    return assemble(data, codes, how, seed=seed, simulate=simulate)


def leave_last_out(data: Dataset, n: Count = 1, *, seed: Seed = 0, simulate: PartShare = 0.1) -> Split:
    """Take each user's last `n` events as test, the `n` before them as validation, the rest as training.

    For data with an order inside each user's history only. Between users it looks into the future:
    another user's training event may be later than this user's test event.

    Args:
        data: A data set with timestamps or positions.
        n: Events per user and part, >= 1. Users with fewer than 2 n + 1 events stay in training;
            `how["users_kept_whole"]` counts them.
        seed: Random seed of the simulated slice.
        simulate: Share of the warm items that stand in for cold ones.

    Examples:
        >>> from sidelight.data.synthetic import make_synthetic
        >>> leave_last_out(make_synthetic(30, 20, 200).data)
        Split(leave_last_out: 142 train, 29 validation, 29 test, 0 cold items)
    """
    check_call(leave_last_out, locals())
    log = data.interactions
    if log.order is None:
        fix = "use random_per_user"
        raise DataError(complain("timestamps or positions", "neither", "the interactions", fix))
    size = np.bincount(log.user, minlength=data.n_users)
    _, from_end = ranks(log.user, np.arange(len(log)))  # events are in order already
    enough = size[log.user] >= 2 * n + 1
    codes = np.where(from_end < n, TEST, np.where(from_end < 2 * n, VALIDATION, TRAIN)).astype(np.int8)
    codes[~enough] = TRAIN
    short = int(((size > 0) & (size < 2 * n + 1)).sum())
    how = {"rule": "leave_last_out", "n": int(n), "users_kept_whole": short}
    return assemble(data, codes, how, seed=seed, simulate=simulate)


def random_per_user(
    data: Dataset,
    validation: OpenShare = 0.1,
    test: OpenShare = 0.1,
    *,
    seed: Seed = 0,
    simulate: PartShare = 0.1,
) -> Split:
    """Draw a share of each user's events for validation and for test; every user keeps at least one.

    For data without any order. It asks an easier question than the others: most held-out events
    lie between training events in time.

    Args:
        data: The data set.
        validation: Share of each user's events, in (0, 1). Small histories count too: see `draw_share`.
        test: The same for the test part; the two together < 1.
        seed: Random seed.
        simulate: Share of the warm items that stand in for cold ones.

    Examples:
        >>> from sidelight.data.synthetic import make_synthetic
        >>> random_per_user(make_synthetic(30, 20, 200).data)
        Split(random_per_user: 160 train, 20 validation, 20 test, 0 cold items)
    """
    check_call(random_per_user, locals())
    both = check_share(validation + test, "validation + test")
    user = data.interactions.user
    rng = generator(seed, "split", "random_per_user")
    out = np.flatnonzero(draw_share(user, ~one_per_group(user, rng), both, rng))
    codes = np.full(len(user), TRAIN, dtype=np.int8)
    codes[out] = VALIDATION
    codes[out[draw_share(user[out], np.ones(len(out), dtype=bool), test / both, rng)]] = TEST
    how = {"rule": "random_per_user", "validation": float(validation), "test": float(test)}
    return assemble(data, codes, how, seed=seed, simulate=simulate)


def automatic(data: Dataset, *, seed: Seed = 0, simulate: PartShare = 0.1) -> Split:
    """Split by the data: `temporal` with timestamps, `leave_last_out` with positions, else at random.

    `how["chosen"]` names it with the reason. A random split is warned of: it asks an easier question.

    Examples:
        >>> from sidelight.data.synthetic import make_synthetic
        >>> automatic(make_synthetic(30, 20, 200).data).how["chosen"]
        'temporal, because there are timestamps'
    """
    check_call(automatic, locals())
    log = data.interactions
    if log.timestamp is not None:
        split, why = temporal(data, seed=seed, simulate=simulate), "there are timestamps"
    elif log.position is not None:
        split, why = leave_last_out(data, seed=seed, simulate=simulate), "there are positions but no times"
    else:
        split, why = random_per_user(data, seed=seed, simulate=simulate), "there is no time and no position"
        warnings.warn(_timeless(log), SidelightWarning, stacklevel=2)
    return replace(split, how={**split.how, "chosen": f"{split.how['rule']}, because {why}"})


def _timeless(log: Interactions) -> str:
    """Return the warning of a random split, with the line that would make it one by time."""
    context = pl.DataFrame() if log.context is None else log.context
    name = next((n for n in context.columns if time_unit(context[n])), "COLUMN")
    line = line_of(Column("timestamp", "timestamp", name))
    return (
        "no column of the interactions is their time, so the split is random and its scores flatter; "
        f"where one is, write in [interactions] of sidelight.toml: {line}"
    )


def subsample(split: Split, keep: SomeShare = 0.1, seed: Seed = 0) -> Split:
    """Thin the training events to a random share of them, for sparsity sweeps.

    Users, items, candidates, validation and test stay as they are, and so do the given histories of
    held-out users; items that lose all their events become cold. Draws are nested: with one seed,
    the events kept at .1 are among those kept at .2.

    Args:
        split: The split to thin.
        keep: Share of the training events to keep, in (0, 1].
        seed: Random seed.

    Examples:
        >>> from sidelight.data.synthetic import make_synthetic
        >>> subsample(leave_last_out(make_synthetic(30, 20, 200).data), keep=0.5)
        Split(leave_last_out: 71 train, 29 validation, 29 test, 1 cold items)
    """
    check_call(subsample, locals())
    drawn = draw_nested(split.fit_rows, keep, generator(seed, "split", "subsample"))
    kept = np.sort(np.concatenate([drawn, split.given]))
    how = {**split.how, "subsample": {"keep": float(keep), "seed": int(seed), "events": len(drawn)}}
    newest = split.how.get("simulated", {}).get("by", "random") == "time"
    thinned = replace(split, train=kept, how={"seed": int(seed), "simulate": 0.1, **how})
    return mark_cold_items(thinned, split.cold, newest)


def _boundary(value: Any, ordered: NDArray[np.int64], before: int, name: str) -> int:
    """Return the microseconds at which a part begins: `value` is a time, or a share of all events.

    A share takes the last events among the `before` first ones.
    """
    if isinstance(value, (float, np.floating)):
        count = max(1, round(check_share(float(value), name) * len(ordered)))
        if count >= before:
            expected, found = (
                f"more than {count} events for {name}={value}",
                f"{before} left for training and this part",
            )
            raise DataError(complain(expected, found, fix="use smaller shares"))
        return int(ordered[before - count])
    if isinstance(value, (int, np.integer)) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise SpecError(complain(f"{name} as an ISO date, e.g. '2026-03-01'", repr(value))) from None
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
    elif isinstance(value, date):
        moment = datetime(value.year, value.month, value.day, tzinfo=UTC)
    else:
        raise SpecError(complain(f"{name} as a date, microseconds or a share in (0, 1)", repr(value)))
    # Whole arithmetic: float seconds would lose microseconds.
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _text(microseconds: int) -> str:
    return f"{np.datetime64(int(microseconds), 'us')}Z"
