"""`Blend`: one calibrated list of old and new items from several models."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray

from sidelight.data.cold_demand import Demand, future_demand
from sidelight.data.split.selection import usable_events
from sidelight.data.split.split import Split
from sidelight.errors import SpecError, complain
from sidelight.models import blend_weights, weight_prior
from sidelight.models.blend_choices import ThinEvidenceWarning
from sidelight.models.blend_recency import chosen_recency
from sidelight.models.blend_scorer import BlendScorer
from sidelight.models.check_arguments import need_split
from sidelight.models.components import Components, Fittable, Fitted
from sidelight.models.held_out_scores import Evidence, buckets_of, carved
from sidelight.models.new_item_exposure import exposed
from sidelight.models.recency import with_recency
from sidelight.models.recommender import Recommender
from sidelight.models.similarity_scorers import ConstantScorer
from sidelight.option_types import SOME, Count, PartShare, Seed, Share, checked
from sidelight.progress import Progress
from sidelight.seeding import generator

Floats = NDArray[np.float64]
SHOWN = 500  # users whose lists are looked at for the places of new items


@dataclass(frozen=True)
@checked
class Blend:
    """A weighted sum of models, chosen on held-out users and on cold items together.

    score(h, j) = gain[bucket(j)] * sum_m weight[n, side(j), m] * score_m(h, j) / scale_m, with n the
    number of events in h. Cold and warm items have their own weights, since only content says anything
    about a cold item; the gains, one per popularity bucket, put both on one scale.

    Every choice starts from a prior (`sidelight.models.weight_prior`) and moves by coordinate ascent on
    NDCG@k of held-out users, as far as the paired gain exceeds its standard error: with many users
    the evidence decides, with none the prior. The order of the components never matters. Weights are
    chosen again for histories cut to 1, 3 and 7 events and for long ones, so that a first click does
    not make a list worse. What is held out is validation, completed from training where that is thin
    (`Split.selection`); the components are then fitted again on all training events. What was
    measured and what is prior is kept in `Recommender.choices`. Where neither validation nor times say
    what the future wants, weights stand half of the way between those that held-out training events
    speak for and equal ones.

    Scores of new items are less certain, so that NDCG alone can leave them no place at all; `exposure`
    then raises their gain until they have their share of what users are expected to want.

    Args:
        components: Specs of the models to blend.
        k: Length of the lists that are optimised.
        users: At most this many held-out users are looked at.
        depth: Items per user taken from each component and side, >= k.
        edges: Popularity buckets of warm items: training users from 1, from edges[0], ...
        exposure: New items get at least this multiple of their expected share of the places; 0 leaves
            it to NDCG, 1 is parity.
        new_share: Share of new items in what users will want: "future" estimates it
            (`sidelight.data.cold_demand.future_demand`), "validation" takes validation for the future, also
            where the split has held whole items out, and a number in [0, 1) states it.
        recency: Weigh newer events of a history more, as far as held-out users justify; only where the
            order of the events is known, and in components that are sums over the history.
        seed: Random seed of the draw of users.

    Examples:
        >>> import sidelight as sl
        >>> from sidelight.data.synthetic import make_synthetic
        >>> split = sl.split.temporal(make_synthetic(40, 60, 600, seed=1).data)
        >>> model = sl.Blend((sl.EASE(), sl.ContentKNN((sl.Text("title"),)))).fit(split)
        >>> model.recommend(users=[1], k=3)["rank"].to_list()
        [1, 2, 3]
    """

    components: Annotated[tuple[Fittable, ...], SOME]
    k: Count = 20
    users: Count = 1500
    depth: Count = 100
    edges: tuple[Count, ...] = (4, 10, 30)
    exposure: Share = 1.0
    new_share: PartShare | Literal["future", "validation"] = "future"
    recency: bool = True
    seed: Seed = 0

    def __post_init__(self) -> None:
        if self.depth < self.k:
            raise SpecError(complain(f"depth >= k = {self.k}", f"{self.depth}", "Blend"))
        if list(self.edges) != sorted(set(self.edges)):
            raise SpecError(complain("edges that rise", f"{self.edges}", "Blend"))

    def fit(
        self, split: Split, progress: Progress | None = None, fitted: Fitted | None = None
    ) -> Recommender:
        """Choose the weights, and fit the components on all training events.

        Args:
            split: Training and validation events.
            progress: Called as (done, total, label).
            fitted: Scorers that an earlier blend fitted on the same split are taken from here, and
                new ones are put in.
        """
        split = need_split(split, self)
        return self._chosen(split, split, progress, fitted)

    def refit(
        self, split: Split, progress: Progress | None = None, fitted: Fitted | None = None
    ) -> Recommender:
        """Choose the weights as `fit` does, and fit the components on training and validation events."""
        split = need_split(split, self)
        return self._chosen(split, split.joined(), progress, fitted)

    def _chosen(
        self, split: Split, final: Split, progress: Progress | None, fitted: Fitted | None
    ) -> Recommender:
        parts = Components.of(self.components, fitted, progress)
        demand = self._demand(split)
        evidence = Evidence.gather(self, split, parts, None if self.new_share == "validation" else demand)
        plan = _Plan.of(self, split, parts, evidence, demand)
        if progress is not None:
            progress(1, 1, "blend weights")
        if not plan.choices["warm"]["measured"]:
            for note in plan.choices["notes"]:
                warnings.warn(f"Blend: {note}", ThinEvidenceWarning, stacklevel=3)
        used = np.flatnonzero(plan.weights.any(axis=0))
        scorers = parts.scorers(final, used.tolist(), " again" if evidence.folds[0] is not final else "")
        scorers = [with_recency(each, plan.decay) for each in scorers]
        mixture = BlendScorer.build(
            scorers, plan.weights[:, used], plan.gains, buckets_of(final, self.edges),
            plan.factors[..., used], plan.choices,
        )  # fmt: skip
        able = np.flatnonzero(final.histories().lengths)
        users = np.sort(generator(self.seed, "exposure").permutation(able)[:SHOWN])
        lower = not evidence.measured and self.exposure > 0
        return Recommender.of(self, exposed(mixture, final, users, self.k, plan.target, lower), final)

    def _demand(self, split: Split) -> Demand:
        if not isinstance(self.new_share, str):
            return Demand(float(self.new_share), "stated in new_share")
        if self.new_share == "future":
            return future_demand(split)
        item = split.data.interactions.item[split.validation]
        share = float(split.cold[item].mean()) if len(item) else 0.0
        return Demand(share, "validation is taken for the future")


@dataclass(frozen=True, eq=False)
class _Plan:
    """Weights, gains and record of a blend beside its fitted scorers."""

    weights: Floats  # (2, m), scales included
    gains: Floats
    factors: Floats
    decay: float
    target: float  # share of the places that new items are to have
    choices: dict[str, Any]

    @classmethod
    def of(cls, spec: Blend, split: Split, parts: Components, evidence: Evidence, demand: Demand) -> _Plan:
        scorers = evidence.scorers[0]
        families = weight_prior.families(parts.specs, scorers)
        before = weight_prior.prior_weights(families, _density(evidence.folds[0]))
        constant = np.array([isinstance(scorer, ConstantScorer) for scorer in scorers])

        def side_weights(on: Evidence) -> tuple[Floats, list[int], list[float]]:
            return blend_weights.side_weights(
                on.whole, before, on.scale, families, spec.k, demand.measured, spec.seed
            )

        weights, users, better = side_weights(evidence)
        recency = chosen_recency(evidence, weights)
        if recency["decay"] < 1:
            evidence = evidence.decayed(recency["decay"])
            weights, users, better = side_weights(evidence)
        pools = [evidence.cut(n) for n in (*blend_weights.KNOTS[1:-1], None)] if evidence.measured else []
        pools += [None] * (len(blend_weights.KNOTS) - 1 - len(pools))
        knots, seen = blend_weights.knot_weights(pools, weights, constant, spec.k)
        for side in range(2):
            if not demand.measured and users[side] >= blend_weights.LEAST_USERS:
                weights[side], knots[:, side] = blend_weights.evened(weights[side], knots[:, side])
        target = spec.exposure * _wanted(spec, evidence, demand)
        gains, cold = _calibrated(spec, evidence, pools, weights, knots, target)
        table, factors = blend_weights.as_factors(knots, cold, constant)
        scale = np.where(evidence.scale > 0, evidence.scale, 1.0)
        choices = _record(spec, split, parts, evidence, demand, weights, users, better, seen)
        return cls(table / scale, gains, factors, recency["decay"], target, choices | {"recency": recency})


def _calibrated(
    spec: Blend, evidence: Evidence, pools: list[Any], weights: Floats, knots: Floats, target: float
) -> tuple[Floats, list[float]]:
    """Gains (n_buckets,) of the buckets, and for each knot the factor of cold items beside the first."""
    gains = np.ones(len(spec.edges) + 2)
    if not evidence.measured:
        return gains, [1.0] * len(knots)
    gains, _ = blend_weights.bucket_gains(evidence.natural, weights, gains, spec.k)
    gains[0] = blend_weights.cold_gain(evidence.natural, weights, gains, spec.k, target, lower=False)
    shown = blend_weights.cold_places(evidence.natural, weights, gains, spec.k)
    cold = [1.0]
    for pool, own in zip(pools, knots[1:], strict=True):
        moved = pool is not None and not np.array_equal(own, weights)
        wanted = blend_weights.cold_gain(pool, own, gains, spec.k, shown, lower=True) if moved else gains[0]
        cold.append(float(wanted / gains[0]))
    return gains, cold


def _wanted(spec: Blend, evidence: Evidence, demand: Demand) -> float:
    """Return the expected share of new items; with "validation", that of the users of the one list there."""
    if spec.new_share != "validation":
        return demand.share
    cold, _, every = evidence.whole.n_relevant[:, evidence.whole.both]
    return float((cold / every).mean()) if every.size else demand.share


def _density(split: Split) -> float:
    """Training events per touched item."""
    matrix = split.fitting()
    return int(matrix.nnz) / max(1, int(np.count_nonzero(matrix.getnnz(axis=0))))


def _record(
    spec: Blend,
    split: Split,
    parts: Components,
    evidence: Evidence,
    demand: Demand,
    weights: Floats,
    users: list[int],
    better: list[float],
    seen: list[int],
) -> dict[str, Any]:
    """Record measured values and the prior, JSON-able."""
    first = evidence.folds[0]
    rows = {"validation": len(split.validation), "carved": carved(first, split) if evidence.measured else 0}
    how = f"{rows['validation']:,} validation events"
    if rows["carved"]:
        how += f" and {rows['carved']:,} held out of training, {len(evidence.folds)} draw(s)"
        how += "; then fitted again on all"
    if not evidence.measured:
        how = "nothing: no event could be held out"
    measured = [n >= blend_weights.LEAST_USERS for n in users]
    notes = _notes(measured, users, evidence, demand)
    lengths = [str(n) for n in blend_weights.KNOTS[1:-1]] + ["10+"]
    short = [f"{n} events ({u} users)" for n, u in zip(lengths, seen[1:], strict=True) if u]
    return {
        "k": spec.k,
        "evidence": {**rows, "folds": len(evidence.folds) if evidence.measured else 0, "how": how,
                     "warm": usable_events(first, cold=False), "cold": usable_events(first, cold=True)},
        "prior": weight_prior.provenance(),
        "parts": [
            {"part": _label(s), "cold": float(weights[0, at]), "warm": float(weights[1, at])}
            for at, s in enumerate(parts.specs)
        ],
        "cold": {"measured": measured[0], "users": users[0], "gain": better[0]},
        "warm": {"measured": measured[1], "users": users[1], "gain": better[1]},
        "knots": "measured at " + ", ".join(short) if short else "as all others (nothing to measure them on)",
        "demand": {"share": demand.share, "how": demand.how},
        "notes": notes,
    }  # fmt: skip


def _notes(measured: list[bool], users: list[int], evidence: Evidence, demand: Demand) -> list[str]:
    """Write what there is to know about weights that were not measured, or not on what the future wants."""
    notes = []
    if not all(measured):
        sides = " and ".join(s for s, m in zip(("cold", "warm"), measured, strict=True) if not m)
        reason = f"{users[0]} users with a held-out cold item, {users[1]} with a warm one"
        if not evidence.measured:
            reason = "no user has a second event to hold out, and validation has none"
        notes.append(f"weights on {sides} items are the prior's ({weight_prior.provenance()}): {reason}")
    if any(measured) and not demand.measured:
        notes.append(
            "nothing says what the future wants (no validation, no times): weights stand in the middle of "
            "those that held-out training events speak for and equal ones"
        )
    return notes


def _label(spec: Any) -> str:
    """Class and the options that differ from their defaults, short."""
    content = getattr(spec, "content", ())
    about = "+".join(getattr(c, "name", type(c).__name__) for c in content)
    reg = f"reg={spec.reg:g}" if hasattr(spec, "reg") else ""
    more = ", ".join(x for x in (about, reg) if x)
    return type(spec).__name__ + (f"({more})" if more else "")
