"""Registry of the scorers that a bundle may name; nothing else is ever imported by a saved name."""

from __future__ import annotations

from importlib import import_module
from typing import Any, TypeVar, cast

from sidelight import config, renamed
from sidelight.errors import BundleError, SpecError, complain, did_you_mean
from sidelight.models.scorer import Scorer, State

SHIPPED = {
    "ALSScorer": "als",
    "BlendScorer": "blend_scorer",
    "ConstantScorer": "similarity_scorers",
    "ContentKNNScorer": "content_knn",
    "DenseSimilarityScorer": "similarity_scorers",
    "L3AEScorer": "l3ae",
    "RecencyScorer": "recency",
    "RidgeScorer": "ridge",
    "SparseSimilarityScorer": "similarity_scorers",
    "TowerScorer": "tower_scorer",
}
"""Class name of each scorer of this package -> its module: the one line that a new one adds."""
_REGISTERED: dict[str, type[Scorer]] = {}
Kind = TypeVar("Kind", bound=type[Scorer])


def register_scorer(kind: Kind) -> Kind:
    """Allow bundles to name a scorer class of another package; use it as a decorator.

    The module that does so has to be imported before such a bundle is loaded.

    Raises:
        SpecError: Another class has this name.
    """
    name = kind.__name__
    known = _REGISTERED.get(name, kind)
    if name in SHIPPED or name in renamed.SCORERS or known.__module__ != kind.__module__:
        raise SpecError(complain("a scorer class with a name of its own", repr(name), "register_scorer"))
    _REGISTERED[name] = kind
    return kind


def restore_scorer(kind: str, arrays: State, meta: dict[str, Any]) -> Scorer:
    """Return the scorer that `Scorer.state` described.

    Raises:
        BundleError: No scorer of this name is registered.
    """
    kind = renamed.SCORERS.get(kind, kind)
    if kind in SHIPPED:
        module = import_module(f"sidelight.models.{SHIPPED[kind]}")
        return cast(Scorer, getattr(module, kind).restore(arrays, meta))
    if kind not in _REGISTERED:
        hint = did_you_mean(kind, [*SHIPPED, *_REGISTERED])
        fix = "import the module that registers it (sidelight.models.register_scorer) before loading"
        raise BundleError(f"unknown scorer {kind!r} in the bundle; {hint}; {fix}")
    return _REGISTERED[kind].restore(arrays, meta)


def restore_spec(spec: Any) -> Any:
    """Return the spec; one with a class of another package stays a dict, as a bundle imports nothing."""
    try:
        return config.from_dict(spec, importing=False)
    except SpecError:
        return spec
