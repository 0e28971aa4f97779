"""Saved state of encoders and of whole modalities."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sidelight.content.cache import Cache
from sidelight.content.features import Features
from sidelight.content.image import DescriptorEncoder, ImageModelEncoder
from sidelight.content.label_encoder import LabelEncoder
from sidelight.content.label_regression import PredictedEncoder
from sidelight.content.links import LinkEncoder
from sidelight.content.numbers import NumbersEncoder
from sidelight.content.protocols import Arrays, Encoder
from sidelight.content.spec_fields import pack, unpack
from sidelight.content.text import SentenceEncoder, TfidfEncoder
from sidelight.content.vector import VectorEncoder
from sidelight.errors import BundleError, did_you_mean
from sidelight.storage import placed, under

KINDS: dict[str, Callable[[Arrays, dict[str, Any]], Encoder]] = {
    "labels": LabelEncoder.restore,
    "links": LinkEncoder.restore,
    "numbers": NumbersEncoder.restore,
    "vector": VectorEncoder.restore,
    "tfidf": TfidfEncoder.restore,
    "words": TfidfEncoder.restore,
    "sentence": SentenceEncoder.restore,
    "descriptor": DescriptorEncoder.restore,
    "image-model": ImageModelEncoder.restore,
    "predicted": lambda arrays, meta: PredictedEncoder.restore(arrays, meta, restore_encoder),
}
"""Encoders that can be restored by `meta["kind"]`; no saved name imports anything."""


def restore_encoder(arrays: Arrays, meta: dict[str, Any], cache: Cache | None = None) -> Encoder:
    """Restore the result of `Encoder.state`.

    Args:
        arrays: Arrays by name.
        meta: Options; they may have been through JSON.
        cache: Store for encoders that use one (sentence vectors, images).

    Raises:
        BundleError: The kind is unknown, or arrays and options are incomplete or do not fit together.
    """
    kind = meta.get("kind")
    if kind not in KINDS:
        raise BundleError(f"unknown content encoder {kind!r}; {did_you_mean(str(kind), KINDS)}")
    try:
        encoder = KINDS[kind](arrays, meta)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        message = f"the saved content encoder {kind!r} is incomplete or damaged: {error!r}"
        raise BundleError(message) from error
    with_cache = getattr(encoder, "with_cache", None)
    if cache is not None and with_cache is not None:
        cached: Encoder = with_cache(cache)
        return cached
    return encoder


def modality_state(at: int, encoder: Encoder, features: Features) -> tuple[Arrays, dict[str, Any]]:
    """Return arrays under "`at`/..." and JSON-able options for `restored_modality`."""
    inner, meta = encoder.state()
    arrays: Arrays = placed(f"{at}/encoder", inner)
    arrays |= {f"{at}/values": features.values, f"{at}/present": features.present}
    arrays[f"{at}/names"] = pack(features.names)
    return arrays, {"name": features.name, "encoder": meta}


def restored_modality(at: int, arrays: Arrays, meta: dict[str, Any]) -> tuple[Encoder, Features]:
    """Restore the encoder and the features of `modality_state`."""
    encoder = restore_encoder(under(f"{at}/encoder", arrays), meta["encoder"], Cache())
    names = tuple(unpack(arrays[f"{at}/names"]))
    return encoder, Features(meta["name"], arrays[f"{at}/values"], arrays[f"{at}/present"], names)
