"""`evaluate`: full rankings of all candidates in bounded memory, judged by slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.content.features import Features
from sidelight.data.histories import Histories
from sidelight.data.split.split import Split, TestHistory
from sidelight.errors import DataError, SpecError, complain, did_you_mean
from sidelight.evaluation import beyond_accuracy
from sidelight.evaluation.metrics import METRICS, Lists, hits, score
from sidelight.evaluation.prediction_context import context_of, predicted
from sidelight.evaluation.protocol import about, check_part, with_history
from sidelight.evaluation.ranking import NOTHING, merge, tie_breakers, top_k, without_history
from sidelight.evaluation.result import Evaluation
from sidelight.evaluation.slices import Slice, main_slices, members, restrict, subgroups
from sidelight.evaluation.test_access_log import log_test_access, spec_hash
from sidelight.option_types import SOME, Count, check_call
from sidelight.progress import Progress

Slots = NDArray[np.bool_]

_BLOCK = 32 << 20  # bytes of scores at a time: what stays in cache is ranked at once
_LARGEST = 256 << 20  # but 64 users at a time as long as they fit here: models score them together


class Scores(Protocol):
    """Protocol of a model that can be evaluated; `OrderBlind` adapts one that takes a matrix.

    A model with a method `with_context(users)` is conditioned on the users of the rows, by inner index. If
    its `context` names columns, the call is `with_context(users, context)`, with a table of these columns,
    one row per user.
    """

    def score(self, histories: Histories) -> NDArray[np.float32]:
        """Return scores float32 (n_rows, n_items) for n_rows histories; higher is better."""


def evaluate(
    model: Scores,
    split: Split,
    *,
    part: Literal["validation", "test"] = "validation",
    ks: Annotated[Sequence[Count], SOME] = (10, 20),
    metrics: Annotated[Sequence[str], SOME] = tuple(METRICS),
    final: bool = False,
    log: str | Path | None = None,
    content: Features | None = None,
    categories: Features | None = None,
    groups: Sequence[str] = (),
    block: Count | None = None,
    spec: Any = None,
    progress: Progress | None = None,
    history: TestHistory | None = None,
) -> Evaluation:
    """Rank all candidates for every user with a relevant item, and evaluate the lists by slice.

    Each user is scored once. From the same scores come three lists: of the cold candidates, of the
    warm ones, and of all. A relevant item that is masked (`split.excluded`) or no candidate gets no
    rank: it is no part of the truth, and counted in `info["unrankable"]`.

    A model with context gets the context of the predicted events where it is well defined: for users
    with exactly one relevant event in the part, or whose relevant events all have equal context. All
    others are ranked without context, as there is one list per user and not one per event. The
    compared columns are those that the model reads.

    Args:
        model: Anything with `score(histories)`.
        split: Candidates, users and relevant items.
        part: "validation", or "test" together with `final=True`.
        ks: Cut-offs, >= 1.
        metrics: Names from `metrics.METRICS`.
        final: Opens the test part, and records it.
        log: File that records openings of the test part; None means "openings.jsonl" in the working
            directory.
        content: One modality for intra-list diversity, or None to leave it out.
        categories: Non-negative category values (n_items, n_categories) for miscalibration, or None.
        groups: Subgroups of the overall slice, see `slices.members`. Sensitive columns are always among them.
        block: Users scored at a time; None takes a block of 32 MB, or 64
            users if these take less than 256 MB.
        spec: Description of the model for the record of an opening; None means `model.spec`, else the model.
        progress: Called with (users done, users in all, "evaluate").
        history: By which events users are known while the test part is ranked: "train",
            "train+validation", or None for what the split says (`Split.test_history`). Masked are
            the events of both parts either way, so the relevant items are the same.

    Raises:
        SpecError: Unknown metrics or groups, the test part and `final` one without the other, or
            context of the model that the data does not have.
        DataError: No user has a relevant item, the model was refitted on the validation part that
            it would be judged by, or its scores are not what `Scores` says.

    Examples:
        >>> import sidelight as sl
        >>> from sidelight.data.synthetic import make_synthetic
        >>> split = sl.split.temporal(make_synthetic(40, 60, 600, seed=1).data)
        >>> found = sl.evaluate(sl.Popular().fit(split), split, ks=[5])
        >>> 0 <= found.figures()["overall.ndcg@5"] <= 1
        True
    """
    check_call(evaluate, locals())
    wanted = _Wanted.check(part, final, ks, metrics, block)
    check_part(model, split := with_history(split, part, history), part)
    _need_rows(given := {"content": content, "categories": categories}, split.data.n_items)
    rows, groups_of = split.rows(part, final), members(split, groups, part)
    spec, histories = getattr(model, "spec", model) if spec is None else spec, split.histories(part)
    _scored(model, histories[:1])  # a model of another data set is no reason to open the test part
    context = context_of(model, split)
    opened = log_test_access(split, spec, log or "openings.jsonl") if part == "test" else 0
    truth = restrict(split.truth(part, final), split.candidates)
    slices = main_slices(split, truth)
    if not slices:
        raise DataError(complain(f"relevant items in the {part} part", "none", fix="take another split"))
    slices |= subgroups(slices["overall"], groups_of) if "overall" in slices else {}
    users = np.unique(np.concatenate([found.users for found in slices.values()]))
    asked = users, predicted(context, split, rows, truth, users), histories[users]
    lists, unsupported, moved = _rank(model, split, part, *asked, wanted, progress)
    at = {name: np.searchsorted(users, found.users) for name, found in slices.items()}
    values = {n: _accuracy(lists[s.ranking][at[n]], s.truth, wanted) for n, s in slices.items()}
    totals: dict[str, dict[str, float]] = {}
    items = np.empty((0, max(wanted.ks)), dtype=np.int32)
    if "overall" in slices:
        overall, items = slices["overall"], lists["overall"][at["overall"]]
        values["overall"] |= _per_list(items, overall, split, histories, wanted, content, categories)
        grounds = unsupported[at["overall"]], moved[at["overall"]]
        values["overall"] |= beyond_accuracy.grounds(*grounds, wanted.ks)
        totals = _totals(items, slices, split, histories, wanted)
    info = {**about(split, part), "spec": spec_hash(spec)}
    info["unrankable"] = split.data.matrix(rows).nnz - truth.nnz
    info |= {name: features.name for name, features in given.items() if features is not None}
    by_users = {name: found.users for name, found in slices.items()}
    return Evaluation(part, wanted.ks, by_users, values, totals, items, opened, info)


def _need_rows(given: dict[str, Features | None], n_items: int) -> None:
    for name, features in given.items():
        if features is not None and len(features) != n_items:
            raise DataError(complain(f"{name} of {n_items} items", f"{len(features)} rows"))


@dataclass(frozen=True)
class _Wanted:
    """The checked options."""

    ks: tuple[int, ...]
    metrics: tuple[str, ...]
    block: int | None

    @staticmethod
    def check(
        part: str, final: bool, ks: Sequence[int], metrics: Sequence[str], block: int | None
    ) -> _Wanted:
        if final and part != "test":
            raise SpecError(complain("part='test' with final=True", repr(part), fix="give both, or neither"))
        for name in metrics:
            if name not in METRICS:
                raise SpecError(f"unknown metric {name!r}; {did_you_mean(name, METRICS)}")
        return _Wanted(tuple(sorted({int(k) for k in ks})), tuple(dict.fromkeys(metrics)), block)


def _rank(
    model: Scores,
    split: Split,
    part: Literal["validation", "test"],
    users: NDArray[np.int64],
    moment: pl.DataFrame | None,
    histories: Histories,
    wanted: _Wanted,
    progress: Progress | None,
) -> tuple[dict[str, Lists], Slots, Slots]:
    """Lists int32 (n_users, max k) of the cold, the warm and all candidates, one pass over users.

    The others are bool (n_users, max k): slots of the overall list without a score above 0, and slots
    that hold another item than they would for the same user with an empty history.
    """
    k = max(wanted.ks)
    excluded = split.excluded(part)[users]
    sides = {"cold": split.candidates & split.cold, "warm": split.candidates & split.warm}
    sides = {name: side for name, side in sides.items() if side.any()}
    lists = {name: np.full((len(users), k), -1, dtype=np.int32) for name in (*sides, "overall")}
    unsupported, moved = np.zeros((2, len(users), k), dtype=bool)
    step = wanted.block or block_rows(split.data.n_items)
    jitter, common = tie_breakers(split.data.n_items), None
    for start in range(0, len(users), step):
        rows = slice(start, start + step)
        asked = _told(model, users[rows], None if moment is None else moment[rows])
        scores = _scored(asked, histories[rows])
        try:
            found = {name: top_k(scores, k, excluded[rows], side, jitter) for name, side in sides.items()}
        except DataError as error:
            raise DataError(f"scores of {type(model).__name__}, users from {start}: {error}") from None
        for name, (items, _) in found.items():
            lists[name][rows] = items
        lists["overall"][rows], best = merge(list(found.values()), k)
        unsupported[rows] = best < NOTHING
        if asked is not model or common is None:  # a model that is told of nobody scores one empty history
            nothing: list[list[int]] = [[]] * (1 if asked is model else len(scores))
            common = _scored(asked, Histories.of_lists(nothing, scores.shape[1]))
        plain = without_history(common, k, excluded[rows], split.candidates, jitter)
        moved[rows] = lists["overall"][rows] != plain
        if progress is not None:
            progress(min(start + step, len(users)), len(users), "evaluate")
    return lists, unsupported, moved


def block_rows(n_items: int) -> int:
    """Users whose scores are held at a time."""
    row = 4 * max(1, n_items)
    return max(1, _BLOCK // row, min(64, _LARGEST // row))


def _told(model: Scores, users: NDArray[np.int64], moment: pl.DataFrame | None) -> Scores:
    """The model told who the rows are; itself where that changes nothing."""
    told = getattr(model, "with_context", None)
    if not callable(told):
        return model
    found: Scores = told(users) if moment is None else told(users, moment)
    return found


def _scored(model: Scores, histories: Histories) -> NDArray[np.float32]:
    if not callable(getattr(model, "score", None)):
        fix = "fit it first: model = spec.fit(split)"
        raise SpecError(complain("a fitted model", f"a {type(model).__name__}", "evaluate", fix))
    scores = np.asarray(model.score(histories))
    if scores.shape != histories.shape:
        where, fix = f"scores of {type(model).__name__}", "fit it on this data set"
        raise DataError(complain(f"shape {histories.shape}", f"{scores.shape}", where, fix))
    return scores


def _accuracy(items: Lists, truth: sp.csr_matrix, wanted: _Wanted) -> dict[str, NDArray[np.float64]]:
    hit, relevant = hits(items, truth)
    return {f"{name}@{k}": score(name, hit, relevant, k) for k in wanted.ks for name in wanted.metrics}


def _per_list(
    items: Lists,
    overall: Slice,
    split: Split,
    histories: Histories,
    wanted: _Wanted,
    content: Features | None,
    categories: Features | None,
) -> dict[str, NDArray[np.float64]]:
    """Compute the beyond-accuracy figures of each user's list."""
    known = split.histories()
    active = int(np.count_nonzero(known.lengths))
    information = beyond_accuracy.self_information(known.counts, max(1, active))
    own = histories[overall.users].matrix()
    out = {}
    for k in wanted.ks:
        out[f"novelty@{k}"] = beyond_accuracy.novelty(items[:, :k], information)
        out[f"cold_slots@{k}"] = beyond_accuracy.share_in_lists(items[:, :k], split.cold)
    if content is not None:
        found = beyond_accuracy.diversity_at(items, content, wanted.ks)
        out |= {f"diversity@{k}": v for k, v in zip(wanted.ks, found, strict=True)}
    if categories is not None:
        found = beyond_accuracy.miscalibration_at(items, own, categories, wanted.ks)
        out |= {f"miscalibration@{k}": v for k, v in zip(wanted.ks, found, strict=True)}
    out["cold_relevance"] = beyond_accuracy.share_in_truth(overall.truth, split.cold)
    return out


def _totals(
    items: Lists, slices: dict[str, Slice], split: Split, histories: Histories, wanted: _Wanted
) -> dict[str, dict[str, float]]:
    """Compute figures of all lists of the overall slice together, and the exposure per group of items."""
    overall = slices["overall"]
    counts = split.histories().counts
    own = histories[overall.users].matrix()
    masks = {name: found.items for name, found in slices.items() if found.items is not None}
    totals: dict[str, dict[str, float]] = {"overall": {}, **{name: {} for name in masks}}
    for k in wanted.ks:
        first = items[:, :k]
        amounts = beyond_accuracy.exposure(first, split.data.n_items)
        totals["overall"] |= {
            f"coverage@{k}": beyond_accuracy.coverage(first, split.candidates),
            f"gini@{k}": beyond_accuracy.gini(amounts[split.candidates]),
            f"popularity_lift@{k}": beyond_accuracy.popularity_lift(first, own, counts),
            f"cold_exposure@{k}": beyond_accuracy.group_exposure(amounts, {"cold": split.cold})["cold"],
        }
        for name, share in beyond_accuracy.group_exposure(amounts, masks).items():
            totals[name][f"exposure@{k}"] = share
    pairs = overall.truth.nnz
    for name, mask in masks.items():
        totals[name]["relevance"] = restrict(overall.truth, mask).nnz / pairs
    return totals
