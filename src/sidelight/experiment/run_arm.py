"""One run of a comparison: thin the clicks, fit, evaluate, and note costs, traces and example lists."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from sidelight import config
from sidelight.content.shared_terms import text_of
from sidelight.data.split.assemble import draw_nested
from sidelight.data.split.event_splits import subsample
from sidelight.data.split.split import Split, TestHistory
from sidelight.evaluation.evaluate import evaluate
from sidelight.evaluation.protocol import history_of, with_history
from sidelight.evaluation.result import Evaluation
from sidelight.evaluation.slices import restrict
from sidelight.experiment.arms import seeded
from sidelight.experiment.fit_warnings import collect_warnings
from sidelight.experiment.runs import CHECKPOINTS, WARNINGS, Run, check_same_run
from sidelight.json_files import plain
from sidelight.manifest import PACKAGES, package_versions
from sidelight.models.components import SharedParts
from sidelight.progress import Progress
from sidelight.seeding import generator
from sidelight.storage import CSR_PARTS

SHOWN_USERS, SHOWN_ITEMS = 6, 10
TIMED_USERS = 9


@dataclass(frozen=True)
class EvaluationPlan:
    """Options of the evaluation of every run of a comparison.

    Args:
        part, final, log: As in `evaluate`.
        ks, metrics, groups, history: As in `evaluate`.
    """

    part: Literal["validation", "test"]
    final: bool
    log: str | Path | None
    ks: tuple[int, ...]
    metrics: tuple[str, ...]
    groups: tuple[str, ...]
    history: TestHistory | None = None


@dataclass(frozen=True, eq=False)
class Runner:
    """Fits and evaluates runs: one split, one evaluation, one folder.

    Args:
        split: With all of its clicks.
        evaluation: Options of every evaluation.
        folder: Folder of the runs, and of earlier ones to reuse; None keeps them in memory.
        progress: Callback for fits and evaluations.
        fitted: Called with each model that is fitted, before it is evaluated.
        thin_validation: Whether models see only a share of the validation events, as of training.
        parts: Parts that blends of several arms have in common: each is fitted once, and its seconds
            count for every arm.
    """

    split: Split
    evaluation: EvaluationPlan
    folder: Path | None
    progress: Progress | None
    fitted: Callable[[Any], None] | None = None
    thin_validation: bool = True
    parts: SharedParts = field(default_factory=SharedParts)

    def run(self, spec: Any, keep: float, seed: int, place: Path | None) -> Run:
        """Return the run of a spec, from its folder if it was made before.

        Args:
            spec: Spec before its seed.
            keep: Share of the events.
            seed: Random seed of the model and of the draws of events.
            place: Folder of the run, or None.

        Raises:
            DataError: The folder holds a run of something else.
        """
        own, plan = seeded(spec, seed), self.evaluation
        wanted = {
            "spec": config.to_dict(own), "spec_hash": config.spec_hash(own), "seed": seed, "keep": keep,
            "data": self.split.data.fingerprint, "division": self.split.hash,
            "part": plan.part, "ks": plan.ks, "metrics": plan.metrics, "groups": plan.groups,
            "history": history_of(self._evaluated(self.split), plan.part),
            "thin_validation": self.thin_validation and keep < 1,
        }  # fmt: skip
        if place is not None and place.exists():
            check_same_run(wanted, place)
            return Run.load(place)
        with collect_warnings() as notes:
            run = self._fit(own, keep, seed, wanted)
        run.about[WARNINGS] = notes
        if place is not None:
            run.save(place)
        return run

    def _evaluated(self, split: Split) -> Split:
        """Return the split to evaluate on: all validation events, however few were there to choose by."""
        whole = split if self.evaluation.part == "test" else replace(split, validation=self.split.validation)
        return with_history(whole, self.evaluation.part, self.evaluation.history)

    def _fit(self, spec: Any, keep: float, seed: int, identity: dict[str, Any]) -> Run:
        split = thinned(self.split, keep, seed, self.thin_validation)
        options: dict[str, Any] = {}
        accepted = inspect.signature(spec.fit).parameters
        if self.folder is not None and "checkpoint" in accepted:
            # Named by the spec, so that a checkpoint of another one is never in the way.
            name = f"{identity['spec_hash'][:16]}-{keep:g}-{seed}{'-thin' * identity['thin_validation']}"
            options["checkpoint"] = self.folder / CHECKPOINTS / name
        if "fitted" in accepted:
            options["fitted"] = self.parts
        self.parts.begin()
        start = time.perf_counter()
        model = spec.fit(split, self.progress, **options)
        seconds = time.perf_counter() - start + self.parts.spared()
        if self.fitted is not None:
            self.fitted(model)
        plan, judged = self.evaluation, self._evaluated(split)
        found = evaluate(model, judged, progress=self.progress, **vars(plan))
        about = {
            **identity,
            "split": split.how,
            "versions": package_versions((*PACKAGES, "torch")),
            "seconds": seconds,
            **costs(model, judged, plan.part),
            "train": len(split.train),
            "validation": len(split.validation),
            "trace": trace(model),
            "new_items": new_items(found, judged, plan.final),
            "examples": examples(found, judged, seed, plan.final),
        }
        return Run(found, plain(about))


def thinned(split: Split, keep: float, seed: int, validation: bool = True) -> Split:
    """Draw a random share of the training and validation events: the same question in a sparser shop.

    A shop with few clicks has few to choose options, epochs and weights by as well. Both draws are
    seeded and nested: with one seed, what is kept at .1 is among what is kept at .2. Users, items,
    candidates and the test part stay.

    Args:
        split: The split to thin.
        keep: Share of the events to keep, in (0, 1]; 1 gives the split itself.
        seed: Random seed of the draws.
        validation: False leaves the validation events whole, as `subsample` does.
    """
    if keep == 1:
        return split
    found = subsample(split, keep, seed)
    if not validation or not len(split.validation):
        return found
    kept = draw_nested(split.validation, keep, generator(seed, "split", "subsample", "validation"))
    how = {**found.how, "subsample": {**found.how["subsample"], "validation": len(kept)}}
    return replace(found, validation=kept, how=how)


def trace(model: Any) -> dict[str, Any]:
    """Return the training trace of a two-tower model, alone or inside a blend: weights, epochs."""
    scorer = getattr(model, "scorer", None)
    for part in (scorer, *getattr(scorer, "parts", ())):
        found = getattr(part, "trace", None)
        if found:
            return {name: found[name] for name in ("step", "weights", "epochs") if name in found}
    return {}


def costs(model: Any, split: Split, part: Any) -> dict[str, float | None]:
    """Measure size and scoring time of a fitted model.

    Args:
        model: Fitted model; one that cannot be saved has no size.
        split: Split whose histories are scored.
        part: Part that the histories are for.

    Returns:
        "megabytes" of its bundle's arrays and files, uncompressed, and "milliseconds" per list: the median
        of scoring single histories on this machine.
    """
    size = None
    if callable(getattr(model, "to_arrays", None)):
        arrays, _, files = model.to_arrays()
        parts = [getattr(a, piece) for a in arrays.values() for piece in CSR_PARTS if hasattr(a, "indptr")]
        dense = [np.asarray(a) for a in arrays.values() if not hasattr(a, "indptr")]
        size = (sum(a.nbytes for a in (*parts, *dense)) + sum(map(len, files.values()))) / 1e6
    known = split.histories(part)
    users = np.flatnonzero(known.lengths)[:TIMED_USERS]
    times = []
    for user in users:
        start = time.perf_counter()
        model.score(known[[user]])
        times.append(time.perf_counter() - start)
    return {"megabytes": size, "milliseconds": 1000 * float(np.median(times)) if times else None}


def new_items(found: Evaluation, split: Split, final: bool) -> dict[str, float]:
    """Return the cold items' share of all exposure at each k, and of the relevant pairs."""
    if "overall" not in found.users:
        return {}
    truth = _truth(found, split, final)
    relevant = restrict(truth, split.cold).nnz / max(1, truth.nnz)
    shares = {f"exposure@{k}": found.totals["overall"][f"cold_exposure@{k}"] for k in found.ks}
    return {**shares, "relevance": relevant}


def examples(found: Evaluation, split: Split, seed: int, final: bool) -> list[dict[str, Any]]:
    """Return histories and lists of a few users, the same ones for every arm of a seed."""
    if "overall" not in found.users:
        return []
    users, log = found.users["overall"], split.data.interactions
    truth = _truth(found, split, final)
    part: Any = found.part
    known = split.known_rows(part)
    able = np.flatnonzero(np.isin(users, log.user[known]))
    chosen = np.sort(generator(seed, "examples").permutation(able)[:SHOWN_USERS])
    out = []
    for at in chosen:
        # Events of a user lie in their order in time: the last ones are the latest.
        own = known[log.user[known] == users[at]]
        latest = list(dict.fromkeys(log.item[own][::-1].tolist()))[:SHOWN_ITEMS]
        listed = [int(item) for item in found.items[at, :SHOWN_ITEMS] if item >= 0]
        rows = _titled(split, listed)
        for row, item in zip(rows, listed, strict=True):
            row |= {"new": bool(split.cold[item]), "relevant": bool(truth[at, item])}
        user = str(split.data.user_ids[users[at]])
        out.append({"user": user, "history": _titled(split, latest), "list": rows})
    return out


def _truth(found: Evaluation, split: Split, final: bool) -> Any:
    """Return relevant candidates as CSR (users of the overall slice, n_items)."""
    part: Any = found.part
    return restrict(split.truth(part, final), split.candidates)[found.users["overall"]]


def _titled(split: Split, items: Sequence[int]) -> list[dict[str, Any]]:
    data = split.data
    rows = [(str(data.item_ids[at]), data.items.row(at, named=True)) for at in items]
    return [{"item": item, "title": text_of(row, limit=72)} for item, row in rows]
