"""Encoders of a model on this machine: cache of their vectors, and replacement of missing ones."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.content.features import Features
from sidelight.errors import BundleError, DataError, MissingExtraError
from sidelight.models.scorer import spaces_of

if TYPE_CHECKING:
    from sidelight.content.cache import Cache
    from sidelight.content.protocols import Encoder
    from sidelight.models.content_space import ContentSpace
    from sidelight.models.items import Items
    from sidelight.models.recommender import Recommender

REMEMBERED = 5000  # vectors
PROBE = "a first text"


class EncodingCache:
    """Cache of the vectors of slow encoders in memory, with the two methods of `Cache` that encoders use.

    The parts of a blend hold an encoder each; with one cache for all an item is encoded once. Nothing
    is written to disk, as a service may not have a folder of its own.
    """

    def __init__(self, size: int = REMEMBERED) -> None:
        self._size, self._lock = size, threading.Lock()
        self._kept: OrderedDict[bytes, NDArray[np.float32]] = OrderedDict()

    def get(self, keys: Sequence[bytes]) -> dict[bytes, NDArray[np.float32]]:
        """Return the cached vectors by key."""
        with self._lock:
            return {key: self._kept[key] for key in keys if key in self._kept}

    def put(self, vectors: Mapping[bytes, NDArray[np.float32]]) -> None:
        """Cache vectors; the oldest ones are dropped."""
        with self._lock:
            self._kept.update(vectors)
            while len(self._kept) > self._size:
                self._kept.popitem(last=False)


@dataclass(frozen=True, eq=False)
class MissingEncoder:
    """Substitute for an encoder that cannot work here: its modality is missing in all new rows.

    Args:
        encoder: The original encoder.
        like: Its features of the catalogue, for name and columns.
        reason: Reason of the failure.
    """

    encoder: Encoder
    like: Features
    reason: str

    def transform(self, items: pl.DataFrame) -> Features:
        """Return features that are missing in every row."""
        shape = (len(items), self.like.dim)
        values = sp.csr_matrix(shape, dtype=np.float32) if self.like.sparse else np.zeros(shape, np.float32)
        return Features(self.like.name, values, np.zeros(len(items), dtype=bool), self.like.names)

    def state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the state of the original encoder: a saved bundle works elsewhere."""
        return self.encoder.state()


@dataclass(frozen=True)
class MissingPart:
    """Modality that cannot be encoded here.

    Args:
        name: The modality, e.g. "text:title@minilm".
        columns: Item columns that it reads.
        reason: One line.
    """

    name: str
    columns: tuple[str, ...]
    reason: str


def working(
    model: Recommender, memory: EncodingCache, warm: bool
) -> tuple[Recommender, tuple[MissingPart, ...]]:
    """Replace the encoders that cannot work here; return the model and the missing modalities.

    Args:
        model: The model as it was loaded.
        memory: Cache shared by all encoders.
        warm: Encode a row with each slow encoder, which loads its model. False assumes that all work.
    """
    missing: dict[str, MissingPart] = {}

    def change(space: ContentSpace) -> ContentSpace:
        encoders = []
        for encoder, features in zip(space.encoders, space.features, strict=True):
            reason = ""
            if hasattr(encoder, "with_cache"):  # other encoders have no optional dependencies
                encoder = encoder.with_cache(cast("Cache", memory))
                reason = _trouble(encoder, _probe(model.items)) if warm else ""
            if reason:
                missing[features.name] = MissingPart(features.name, columns_of(encoder), reason)
                encoder = MissingEncoder(encoder, features, reason)
            encoders.append(encoder)
        return replace(space, encoders=tuple(encoders))

    return replace(model, scorer=model.scorer.with_spaces(change)), tuple(missing.values())


def prepare(model: Recommender) -> None:
    """Import the libraries of the fast encoders, which takes most of a second, before the first item."""
    probe = _probe(model.items)
    for encoder in (each for space in spaces_of(model.scorer) for each in space.encoders):
        if not hasattr(encoder, "with_cache"):
            _trouble(encoder, probe)


def columns_of(encoder: Encoder) -> tuple[str, ...]:
    """Return the item columns that an encoder reads."""
    spec = getattr(encoder, "spec", None)
    return tuple(getattr(spec, "columns", None) or (getattr(encoder, "source", ""),))


def _probe(items: Items) -> pl.DataFrame:
    """Build one row with a text in each text column and an image in each image column."""
    schema = dict(items.rows.schema)
    paths = {c.name for c in items.columns if c.role == "image_path"}
    given = {pl.String: PROBE, pl.Binary: _picture() if pl.Binary in schema.values() else None}
    values = {n: [None if n in paths else given.get(type(t))] for n, t in schema.items()}
    return pl.DataFrame(values, schema=schema)


def _picture() -> bytes | None:
    try:
        from PIL import Image
    except ImportError:
        return None  # the encoder reports it
    file = BytesIO()
    Image.new("RGB", (16, 16), "grey").save(file, "PNG")
    return file.getvalue()


def _trouble(encoder: Encoder, probe: pl.DataFrame) -> str:
    """Return why an encoder cannot work here, or ""; afterwards its models are in memory."""
    try:
        encoder.transform(probe)
    except (MissingExtraError, DataError, BundleError) as error:
        return str(error)
    return ""
