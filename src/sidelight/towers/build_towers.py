"""Towers from encoded content: where arrays become tensors on a device."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from sidelight.content.features import Features
from sidelight.towers.modality import Modality
from sidelight.towers.modality_evidence import ModalityEvidence, useful
from sidelight.towers.side_features import NOTHING, SideFeatures
from sidelight.towers.towers import Dropout, Towers


def build_towers(
    features: Sequence[Features],
    touched: NDArray[np.bool_],
    dim: int,
    pooling: str = "mean",
    dropout: tuple[float, float, float] = (0.5, 0.6, 0.0),
    device: str = "cpu",
    seed: int = 0,
    people: SideFeatures = NOTHING,
    moments: SideFeatures = NOTHING,
    evidence: Sequence[ModalityEvidence] = (),
    screen: bool = True,
) -> Towers:
    """Towers before training.

    Args:
        features: One a modality, over the whole catalogue.
        touched: bool (n_items,), items with training events.
        dim: Length of the vectors.
        pooling: "mean" or "attention".
        dropout: Probability of hiding an id, a word, a whole modality.
        device: torch device.
        seed: Of the starting weights; equal on every device.
        people, moments: Attributes of users, and of the moments of events; may be none.
        evidence: One a modality, or none where nothing was measured.
        screen: Modalities that are not `useful` count as missing everywhere and have a gate of 0.
    """
    start = torch.Generator().manual_seed(seed)
    modalities = [Modality.of(f, device) for f in features]
    keep = useful(evidence) if evidence and screen else np.ones(len(modalities), dtype=np.bool_)
    modalities = [m if ok else m.missing() for m, ok in zip(modalities, keep, strict=True)]
    known = torch.as_tensor(touched, device=device)
    options = (pooling, Dropout(*dropout), start, people, moments)
    towers = Towers(modalities, known, dim, *options).to(device)
    towers.evidence = tuple(evidence)
    with torch.no_grad():
        towers.gates.copy_(torch.as_tensor(keep, dtype=torch.float32))
    return towers
