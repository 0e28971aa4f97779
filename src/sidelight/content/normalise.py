"""Normalisation of features: dense ones centred, every row of unit length."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sidelight.content.features import Features, exponent

Dense = NDArray[np.float32]


def centre_of(features: Features) -> Dense:
    """Mean of the present rows, float32 (dim,); empty for sparse features, which are not centred.

    Sentence and image vectors share a large common direction; removing it spreads the cosines.
    """
    if features.sparse or not features.present.any():
        return np.zeros(0, dtype=np.float32)
    values = features.values[features.present]
    power = exponent(values)  # the sum may leave float32 where the mean does not
    return np.asarray(np.ldexp(np.ldexp(values, -power).mean(axis=0), power), dtype=np.float32)


def scaled(raw: Features, centre: Dense, weight: float = 1.0) -> Features:
    """Centre present rows and scale them to length sqrt(weight); absent rows stay zero.

    Args:
        raw: As an encoder gives them.
        centre: See `centre_of`.
        weight: > 0, squared length of a row.
    """
    values = raw.values
    if len(centre):
        power = -max(exponent(values), exponent(centre))  # the length goes anyway
        moved = np.ldexp(values, power) - np.ldexp(centre, power)
        values = np.where(raw.present[:, None], moved, 0).astype(np.float32)
    unit = Features(raw.name, values, raw.present, raw.names).normalised()
    return Features(raw.name, (unit * np.float32(weight**0.5)).astype(np.float32), raw.present, raw.names)
