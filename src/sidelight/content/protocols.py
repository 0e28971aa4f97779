"""What every content spec and every fitted encoder must answer, and how a saved one comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self

from sidelight.content.features import Features
from sidelight.errors import BundleError, did_you_mean
from sidelight.progress import Progress

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from sidelight.content.cache import Cache

"""Called as (done, total, label) while long work goes on."""

Arrays = dict[str, Any]
"""Arrays of an encoder by name: numpy arrays (numbers, never objects) or CSR matrices."""


class Encoder(Protocol):
    """A fitted modality: turns rows of the item table, old or new, into `Features`."""

    def transform(self, items: pl.DataFrame) -> Features:
        """Features of the given rows, in their order, with the columns of the fitted ones.

        Args:
            items: Rows that have at least the columns of the spec; null means missing.
        """
        ...

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """Arrays and JSON-able options; `meta["kind"]` names the class for `restore_encoder`."""
        ...

    @classmethod
    def restore(cls, arrays: Arrays, meta: dict[str, Any]) -> Self:
        """The encoder that `state` described; it transforms exactly as the one before it."""
        ...


class Content(Protocol):
    """A frozen dataclass of options that says which columns make a modality, and how.

    A spec for which the fit itself encodes everything may also offer
    `fit_transform(items, cache, progress) -> (Encoder, Features)`; `fit_features` then uses it.

    A spec that learns from `labels`, a content of its own, offers
    `fit_seen(items, seen, cache, progress) -> (Encoder, Features)`: labels of rows outside the mask
    `seen` are not looked at, neither then nor of new rows. None means that all may be seen.
    """

    @property
    def name(self) -> str:
        """The modality, e.g. "text:title"."""
        ...

    def fit(
        self, items: pl.DataFrame, cache: Cache | None = None, progress: Progress | None = None
    ) -> Encoder:
        """An encoder whose vocabulary, scales and sizes come from these rows."""
        ...


def fit_features(
    spec: Content,
    items: pl.DataFrame,
    cache: Cache | None = None,
    progress: Progress | None = None,
    seen: NDArray[np.bool_] | None = None,
) -> tuple[Encoder, Features]:
    """The fitted encoder of a spec and the features of the rows it was fitted on.

    Args:
        spec: `Text`, `Categories`, `Tags`, `Numbers`, `Vector`, `Image`, or any `Content`.
        items: The item table, one row an item.
        cache: Where vectors of slow encoders are kept between runs; None keeps nothing.
        progress: Called as (done, total, label) while rows are encoded.
        seen: bool (n_items,), items whose labels a spec with `fit_seen` may look at; None means all.

    Raises:
        SpecError: A column is not in the table, or an option is wrong.
        DataError: A column holds something else than the spec reads, or nothing at all.
        MissingExtraError: The encoder needs a package that is not installed.
    """
    learning = getattr(spec, "fit_seen", None)
    if learning is not None:
        encoder, features = learning(items, seen, cache, progress)
        return encoder, features
    at_once = getattr(spec, "fit_transform", None)
    if at_once is not None:
        encoder, features = at_once(items, cache, progress)
        return encoder, features
    fitted = spec.fit(items, cache, progress)
    return fitted, fitted.transform(items)


def restore_encoder(arrays: Arrays, meta: dict[str, Any], cache: Cache | None = None) -> Encoder:
    """The encoder that `state()` described, found by `meta["kind"]` among this package's own classes.

    Args:
        arrays: What `Encoder.state` gave.
        meta: The same; it may have been through JSON.
        cache: Kept by encoders that use one (sentence vectors, images).

    Raises:
        BundleError: The kind is unknown or something is missing or does not fit together.
    """
    kinds = _kinds()
    kind = meta.get("kind")
    if kind not in kinds:
        raise BundleError(f"unknown content encoder {kind!r}; {did_you_mean(str(kind), kinds)}")
    try:
        encoder = kinds[kind].restore(arrays, meta)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise BundleError(
            f"the saved content encoder {kind!r} is incomplete or damaged: {error!r}"
        ) from error
    if cache is not None and hasattr(encoder, "with_cache"):
        encoder = encoder.with_cache(cache)
    return encoder


def _kinds() -> dict[str, type[Encoder]]:
    """The encoder classes that may come back from disk; nothing else is ever imported by name."""
    from sidelight.content.image import DescriptorEncoder, ImageModelEncoder
    from sidelight.content.label_encoder import LabelEncoder
    from sidelight.content.label_regression import PredictedEncoder
    from sidelight.content.numbers import NumbersEncoder
    from sidelight.content.text import SentenceEncoder, TfidfEncoder
    from sidelight.content.vector import VectorEncoder

    return {
        "labels": LabelEncoder,
        "numbers": NumbersEncoder,
        "vector": VectorEncoder,
        "tfidf": TfidfEncoder,
        "words": TfidfEncoder,
        "sentence": SentenceEncoder,
        "descriptor": DescriptorEncoder,
        "image-model": ImageModelEncoder,
        "predicted": PredictedEncoder,
    }
