"""Weights of a blend before any evidence: found over many data sets, kept with their provenance."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sidelight.models.scorer import Scorer, spaces_of

SIDES = ("cold", "warm")
BESIDE = "beside dense"  # how word neighbours are listed where dense ones stand beside them


@cache
def table() -> dict[str, Any]:
    """Return the stored prior: "provenance", "density" (knots) and "weights" by family and side."""
    found: dict[str, Any] = json.loads((files("sidelight.models") / "prior.json").read_text(encoding="utf-8"))
    return found


def families(specs: Sequence[object], scorers: Sequence[Scorer]) -> list[str]:
    """Name the family of each component, e.g. "ContentKNN:dense"; unlisted ones by what they can do.

    Word neighbours add little beside dense ones, which cover synonyms, so the two cases are different
    families.

    Args:
        specs: Options of the components.
        scorers: Their fitted scorers: dense content is another family than sparse content.
    """
    found = [_family(spec, scorer) for spec, scorer in zip(specs, scorers, strict=True)]
    dense = any(name.startswith(("ContentKNN:dense", "HybridKNN:dense")) for name in found)
    return [f"{BESIDE}:{name}" if dense and name.startswith("ContentKNN:sparse") else name for name in found]


def _family(spec: object, scorer: Scorer) -> str:
    name = type(spec).__name__
    if getattr(spec, "half_life", None) is not None:
        name += ":recent"
    spaces = spaces_of(scorer)
    if spaces and hasattr(spec, "content"):
        name += ":sparse" if all(space.sparse for space in spaces) else ":dense"
    if name in table()["weights"]:
        return name
    return "other:content" if scorer.supports_cold_items else "other:clicks"


def group(family: str) -> str:
    """Return the signal of a family: "popularity", "clicks" or "content"."""
    if family.startswith("Popular"):
        return "popularity"
    return "content" if ":" in family and family != "other:clicks" else "clicks"


def prior_weights(families: Sequence[str], density: float) -> NDArray[np.float64]:
    """Compute the weights of standardised components without evidence, float64 (2, m).

    Interpolated linearly in log2 of the density between the stored knots. Components of one family
    share its weight, so that neither their number nor their order changes the list. What popularity,
    clicks and content weigh against each other is the same whichever of their families are there:
    those that are share the weight of those that were measured.

    Args:
        families: One per component, see `families`.
        density: Training events per touched item, > 0.
    """
    at = np.log2(max(density, 1e-9))
    out = np.zeros((2, len(families)))
    groups = np.array([group(name) for name in families])
    for side, which in enumerate(SIDES):
        own = np.array([_at(name, which, at) / families.count(name) for name in families])
        for name in np.unique(groups):
            inside = groups == name
            total = sum(_at(f, which, at) for f in table()["provenance"]["measured"] if group(f) == name)
            share = own[inside] / own[inside].sum() if own[inside].any() else 1 / inside.sum()
            out[side, inside] = total * share
    return out


def _at(family: str, side: str, log_density: float) -> float:
    stored = table()
    knots = np.log2(np.asarray(stored["density"], dtype=np.float64))
    return float(np.interp(log_density, knots, stored["weights"][family][side]))


def provenance() -> str:
    """Describe where the prior comes from, in one line."""
    about = table()["provenance"]
    return f"{about['cells']} cells of {len(about['sets'])} data sets ({about['script']}, {about['date']})"
