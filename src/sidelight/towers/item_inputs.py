"""Data that the parts of an item vector are built from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.content.features import Features
from sidelight.towers.modality_evidence import ModalityEvidence


@dataclass(frozen=True, eq=False)
class ItemInputs:
    """Data that item parts are built from.

    Args:
        features: One per modality, over the whole catalogue.
        interactions: float32 CSR (n_users, n_items), the training interactions.
        dim: Length of the vectors.
        device: torch device.
        evidence: One per modality, or empty where none was measured.
    """

    features: Sequence[Features]
    interactions: sp.csr_matrix
    dim: int
    device: str = "cpu"
    evidence: Sequence[ModalityEvidence] = ()

    @property
    def touched(self) -> NDArray[np.bool_]:
        """bool (n_items,): items with training interactions."""
        return np.asarray(self.interactions.getnnz(axis=0) > 0)
