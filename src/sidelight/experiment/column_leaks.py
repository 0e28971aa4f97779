"""Leak checks: columns of a spec that may be known only with, or after, the event it predicts."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.content.tokenizer import composed, word_pattern
from sidelight.data.checks.leakage import ENOUGH, spearman
from sidelight.data.split.split import Split
from sidelight.experiment.arms import is_model
from sidelight.seeding import generator

Rows = NDArray[np.int64]
Counts = NDArray[np.int64]

EVENTS, HELD_OUT = 200_000, 1_000  # largest samples: training events, events of held-out users
SHARE = 0.2  # of held-out items that a column names, at least
ODDS = 5.0  # over those of popularity, at least
AT_ONCE = 1 << 23  # scores held at a time: 64 MiB of float64
_LONG = 2_000  # characters of a text that are read


class LeakWarning(UserWarning):
    """Column of a spec that may be known only with, or after, the event that is predicted."""


def leaks(spec: Any, split: Split) -> tuple[str, ...]:
    """Describe the columns of a spec that look like leaks, one line per column.

    A column of context or of users is suspicious where it alone identifies the item of an event: learned
    from some users, it ranks the items of others among the first 2 % (at most 10) for a fifth of
    the events or more, with odds 5 times those of popularity. A column of items is suspicious where
    its amount (a number, or the length of a text or list) follows the number of clicks, follows the clicks of
    the validation part better than earlier clicks do, or is there for items with clicks alone. The
    sealed part is never read.

    It cannot tell a search term, which is known before the choice and names the item, from a review. It
    misses weak leaks, vectors and images, context of items with a single event, and text that was
    rewritten after an event at the same length.

    Args:
        spec: A model, or a list of candidates; models inside it are checked too.
        split: Split with the columns and events.

    Examples:
        >>> import sidelight as sl
        >>> from sidelight.data.synthetic import make_synthetic
        >>> leaks(sl.Popular(), sl.split.leave_last_out(make_synthetic(60, 30, 500).data))
        ()
    """
    found = []
    for place, name in dict.fromkeys(_columns(spec)):
        check, title = _CHECKS[place]
        if reason := check(split, name):
            found.append(f"{title} {name!r} {reason}")
    return tuple(found)


def _columns(spec: Any) -> Iterator[tuple[str, str]]:
    """Yield ("context", "users" or "content", column) of every modality of a spec; tasks do not count."""
    if isinstance(spec, (list, tuple)):
        for each in spec:
            yield from _columns(each)
    elif is_model(spec):
        for field in dataclasses.fields(spec):
            value = getattr(spec, field.name)
            for each in value if isinstance(value, (list, tuple)) else (value,):
                if hasattr(each, "columns") and field.name != "tasks":  # a modality has `fit` as well
                    place = field.name if field.name in _CHECKS else "content"
                    yield from ((place, name) for name in each.columns)
                elif is_model(each):
                    yield from _columns(each)


def _context(split: Split, name: str) -> str:
    table = split.data.interactions.context
    return _names_item(split, table[name]) if table is not None and name in table.columns else ""


def _users(split: Split, name: str) -> str:
    if name not in split.data.users.columns:
        return ""
    return _names_item(split, split.data.users[name].gather(split.data.interactions.user))


def _names_item(split: Split, values: pl.Series) -> str:
    """Return a reason where values (n_events,) of some users identify the items that others chose."""
    log = split.data.interactions
    rows = split.fit_rows[values.is_not_null().to_numpy()[split.fit_rows]][-EVENTS:]
    order = generator(0, "leaks").permutation(split.data.n_users)[log.user[rows]]
    apart = order < np.quantile(order, 0.2) if len(rows) else np.zeros(0, dtype=bool)
    fit, held = rows[~apart], rows[apart]
    held = held[np.isin(log.item[held], log.item[fit])][:HELD_OUT]
    if len(held) < ENOUGH:
        return ""
    matrix = _tokens(values.gather(np.concatenate([fit, held])))
    prior = np.bincount(log.item[fit], minlength=split.data.n_items).astype(np.float64)
    candidates = np.flatnonzero(prior)
    at = np.searchsorted(candidates, log.item)
    k = int(np.clip(round(0.02 * len(candidates)), 1, 10))
    share, base = _hits(matrix[: len(fit)], at[fit], matrix[len(fit) :], at[held], prior[candidates], k)
    odds = share * (1 - base) / max(base * (1 - share), 1e-9)
    if share < SHARE or odds < ODDS:
        return ""
    return (
        f"names the item: by it alone {100 * share:.0f} % of held-out items are among the first {k} of "
        f"{len(candidates)} ({100 * base:.0f} % by popularity), so it may be known only with the choice; "
        "leave it out unless it is known before, as a search term is"
    )


def _tokens(values: pl.Series) -> sp.csr_matrix:
    """Tokenise values as binary CSR (n_rows, n_tokens): whole value, words, labels, bin of a number."""
    if values.dtype.is_numeric() or values.dtype.is_temporal():
        distinct, first, at = np.unique(
            values.to_physical().to_numpy(), return_index=True, return_inverse=True
        )
        bins = np.arange(len(distinct)) * 64 // max(1, len(distinct))
        found = [{f"={row}", f"bin {part}"} for row, part in zip(first, bins, strict=True)]
    else:
        texts = [str(each.to_list() if isinstance(each, pl.Series) else each) for each in values]
        distinct, at = np.unique(np.array(texts, dtype=object), return_inverse=True)
        word = re.compile(word_pattern())
        found = [{f"={text}", *word.findall(composed(text[:_LONG]).lower())} for text in distinct]
    names = {token: n for n, token in enumerate(sorted(set().union(*found)))}
    ends = np.cumsum([0, *map(len, found)])
    where = np.array([names[token] for tokens in found for token in tokens], dtype=np.int64)
    whole = sp.csr_matrix((np.ones(len(where)), where, ends), shape=(len(found), len(names)))
    return sp.csr_matrix(whole[at])


def _hits(
    fit: sp.csr_matrix, of_fit: Rows, held: sp.csr_matrix, of_held: Rows, prior: NDArray[np.float64], k: int
) -> tuple[float, float]:
    """Return hit rates at k on held-out items: by naive Bayes over the tokens, and by popularity."""
    n = len(prior)
    known = sp.csr_matrix((np.ones(len(of_fit)), (np.arange(len(of_fit)), of_fit)), shape=(len(of_fit), n))
    together = sp.csr_matrix(fit.T @ known)
    often = np.maximum(np.asarray(fit.mean(axis=0)).ravel(), 1e-12)
    together.data = np.log1p(together.data / np.repeat(often, np.diff(together.indptr)))
    length, popular = np.asarray(held.sum(axis=1)).ravel(), np.log(prior)
    hits, step = np.zeros(2), max(1, AT_ONCE // n)
    for start in range(0, len(of_held), step):
        rows = slice(start, start + step)
        scores = (held[rows] @ together).toarray() + popular - np.outer(length[rows], np.log1p(prior))
        for at, each in enumerate((scores, np.broadcast_to(popular, scores.shape))):
            own = np.take_along_axis(each, of_held[rows, None], axis=1)
            rank = (each > own).sum(axis=1) + ((each == own).sum(axis=1) + 1) / 2
            hits[at] += np.count_nonzero(rank <= k)
    return float(hits[0] / len(of_held)), float(hits[1] / len(of_held))


def _content(split: Split, name: str) -> str:
    """Return a reason where the amount of content in an item column follows from the clicks."""
    data, log = split.data, split.data.interactions
    if name not in data.items.columns:
        return ""
    before, later = (
        np.bincount(log.item[rows], minlength=data.n_items) for rows in (split.fit_rows, split.validation)
    )
    column = data.items[name]
    there, clicked = column.is_not_null().to_numpy(), before + later > 0
    if min(np.count_nonzero(clicked), np.count_nonzero(~clicked)) >= ENOUGH // 2:
        shares = there[clicked].mean(), there[~clicked].mean()
        if shares[0] - shares[1] >= 0.5:
            with_clicks, without = (f"{100 * share:.0f} %" for share in shares)
            return (
                f"is there for {with_clicks} of the items with clicks and {without} of those without: "
                "it may be written from clicks, and new items will not have it"
            )
    amount = _amount(column)
    known = np.isfinite(amount)
    if np.count_nonzero(known) < ENOUGH:
        return ""
    amount, before, later = amount[known], before[known], later[known]
    rank, ahead, usual = (
        abs(spearman(*two)) for two in ((amount, before + later), (amount, later), (before, later))
    )
    if rank > 0.8:
        return f"ranks items as their number of clicks does (Spearman {rank:.2f}): it may be made from clicks"
    if ahead > 0.5 and ahead > usual + 0.1:
        return (
            f"ranks items by their clicks after training (Spearman {ahead:.2f}, earlier clicks {usual:.2f}): "
            "it may be made from events after the cut"
        )
    return ""


def _amount(column: pl.Series) -> NDArray[np.float64]:
    """Return the amount of content per item, float64 (n_items,); NaN where missing or without amount."""
    kind: Any = column.dtype
    if kind.is_numeric():
        found = column
    elif kind == pl.String:
        found = column.str.len_chars()
    elif isinstance(kind, pl.List):
        found = column.list.len()
    else:
        return np.full(len(column), np.nan)
    return found.cast(pl.Float64).fill_null(np.nan).to_numpy()


_CHECKS: dict[str, tuple[Callable[[Split, str], str], str]] = {
    "context": (_context, "context"),
    "users": (_users, "user column"),
    "content": (_content, "content"),
}
