"""Protocols of content specs and of fitted encoders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from sidelight.content.features import Features
from sidelight.progress import Progress

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from sidelight.content.cache import Cache

Arrays = dict[str, Any]
"""Arrays of an encoder by name: numpy arrays (numbers, never objects) or CSR matrices."""


class Encoder(Protocol):
    """Fitted encoder of one modality: maps rows of the item table, old or new, to `Features`.

    An encoder with `additive = True` says by overlap alone what two items have in common (`Links`): its
    cosine is added to the similarity of the other modalities, see `ContentSpace.similarity`.

    Its class has `restore(arrays, meta)`, which `sidelight.content.saved_modality` calls.
    """

    def transform(self, items: pl.DataFrame) -> Features:
        """Encode rows, in their order, into the columns that were fitted.

        Args:
            items: Rows that have at least the columns of the spec; null means missing.
        """

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """Return arrays and JSON-able options; `meta["kind"]` names the class for `restore_encoder`."""


class Content(Protocol):
    """Spec of a modality: a frozen dataclass that names its columns and how they are encoded.

    A spec for which the fit itself encodes everything may also offer
    `fit_transform(items, cache, progress) -> (Encoder, Features)`; `fit_features` then uses it.

    A spec that learns from `labels`, a content of its own, offers
    `fit_seen(items, seen, cache, progress) -> (Encoder, Features)`: labels of rows outside the mask
    `seen` are not used, neither in the fit nor of new rows. None means that all may be used.
    """

    @property
    def name(self) -> str:
        """Name of the modality, e.g. "text:title"."""

    def fit(
        self, items: pl.DataFrame, cache: Cache | None = None, progress: Progress | None = None
    ) -> Encoder:
        """Fit an encoder: its vocabulary, scales and sizes come from these rows."""


def fit_features(
    spec: Content,
    items: pl.DataFrame,
    cache: Cache | None = None,
    progress: Progress | None = None,
    seen: NDArray[np.bool_] | None = None,
) -> tuple[Encoder, Features]:
    """Fit the encoder of a spec and encode the rows it is fitted on.

    Args:
        spec: `Text`, `Categories`, `Tags`, `Links`, `Numbers`, `Vector`, `Image`, or any `Content`.
        items: Table with one row per item.
        cache: Store of slow vectors between runs; None keeps nothing.
        progress: Called as (done, total, label) while rows are encoded.
        seen: bool (n_items,), items whose labels a spec with `fit_seen` may use; None means all.

    Raises:
        SpecError: A column is not in the table, or an option is wrong.
        DataError: A column has a type that the spec does not read, or no value at all.
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
