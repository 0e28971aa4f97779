"""Weights of a blend before any evidence: found over many data sets, kept with their provenance."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sidelight.models.scorer import Scorer

SIDES = ("cold", "warm")


@cache
def table() -> dict[str, Any]:
    """Return the stored prior: "provenance", "density" (knots) and "weights" by family and side."""
    found: dict[str, Any] = json.loads((files("sidelight.models") / "prior.json").read_text(encoding="utf-8"))
    return found


def family(spec: object, scorer: Scorer) -> str:
    """Name the family of a component, e.g. "ContentKNN:dense"; unlisted ones by what they can do.

    Args:
        spec: Options of the component.
        scorer: Its fitted scorer: content with a dense modality is told from sparse content alone.
    """
    name = type(spec).__name__
    if getattr(spec, "half_life", None) is not None:
        name += ":recent"
    space = getattr(scorer, "space", None)
    if space is not None and hasattr(spec, "content"):
        name += ":sparse" if space.sparse else ":dense"
    if name in table()["weights"]:
        return name
    return "other:content" if scorer.places_new else "other:clicks"


def prior_weights(families: Sequence[str], density: float) -> NDArray[np.float64]:
    """Compute the weights of standardised components without evidence, float64 (2, m).

    Interpolated linearly in log2 of the density between the stored knots. Components of one family
    share its weight, so that neither their number nor their order changes the list.

    Args:
        families: One per component, see `family`.
        density: Training events per touched item, > 0.
    """
    stored = table()
    knots = np.log2(np.asarray(stored["density"], dtype=np.float64))
    out = np.zeros((2, len(families)))
    for at, name in enumerate(families):
        for side, which in enumerate(SIDES):
            values = stored["weights"][name][which]
            out[side, at] = np.interp(np.log2(max(density, 1e-9)), knots, values) / families.count(name)
    return out


def provenance() -> str:
    """Describe where the prior comes from, in one line."""
    about = table()["provenance"]
    return f"{about['cells']} cells of {len(about['sets'])} data sets ({about['script']}, {about['date']})"
