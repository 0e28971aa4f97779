"""The scorers that may come back from disk; nothing else is ever imported by a saved name."""

from __future__ import annotations

from typing import Any

from sidelight import config, renamed
from sidelight.errors import BundleError, SpecError, did_you_mean
from sidelight.models.als import ALSScorer
from sidelight.models.blend_scorer import BlendScorer
from sidelight.models.content_knn import ContentKNNScorer
from sidelight.models.ridge import RidgeScorer
from sidelight.models.scorer import Scorer, State
from sidelight.models.similarity_scorers import ConstantScorer, DenseSimilarityScorer, SparseSimilarityScorer
from sidelight.models.tower_scorer import TowerScorer

KINDS: dict[str, type[Scorer]] = {
    kind.__name__: kind
    for kind in (
        ConstantScorer, SparseSimilarityScorer, DenseSimilarityScorer, ContentKNNScorer, RidgeScorer,
        ALSScorer, BlendScorer, TowerScorer,
    )
}  # fmt: skip


def restore_scorer(kind: str, arrays: State, meta: dict[str, Any]) -> Scorer:
    """The scorer that `Scorer.state` described.

    Raises:
        BundleError: The kind is not one of `KINDS`.
    """
    kind = renamed.SCORERS.get(kind, kind)
    if kind not in KINDS:
        raise BundleError(f"unknown scorer {kind!r} in the bundle; {did_you_mean(kind, KINDS)}")
    return KINDS[kind].restore(arrays, meta)


def restore_spec(spec: Any) -> Any:
    """The spec again; one with a class from outside the package stays a dict: a bundle imports nothing."""
    try:
        return config.from_dict(spec, importing=False)
    except SpecError:
        return spec
