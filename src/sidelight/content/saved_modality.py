"""One modality as it is saved: its encoder, its features, its names."""

from __future__ import annotations

from typing import Any

from sidelight.content.cache import Cache
from sidelight.content.features import Features
from sidelight.content.protocols import Arrays, Encoder, restore_encoder
from sidelight.content.spec_fields import pack, unpack
from sidelight.storage import placed, under


def modality_state(at: int, encoder: Encoder, features: Features) -> tuple[Arrays, dict[str, Any]]:
    """Arrays under "`at`/..." and JSON-able options from which `restored_modality` makes both again."""
    inner, meta = encoder.state()
    arrays: Arrays = placed(f"{at}/encoder", inner)
    arrays |= {f"{at}/values": features.values, f"{at}/present": features.present}
    arrays[f"{at}/names"] = pack(features.names)
    return arrays, {"name": features.name, "encoder": meta}


def restored_modality(at: int, arrays: Arrays, meta: dict[str, Any]) -> tuple[Encoder, Features]:
    """The encoder and the features that `modality_state` described."""
    encoder = restore_encoder(under(f"{at}/encoder", arrays), meta["encoder"], Cache())
    names = tuple(unpack(arrays[f"{at}/names"]))
    return encoder, Features(meta["name"], arrays[f"{at}/values"], arrays[f"{at}/present"], names)
