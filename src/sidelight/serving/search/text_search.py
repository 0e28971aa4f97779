"""Text search in the catalogue: words of titles and texts, and prefixes of ids, by scanning columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from unicodedata import normalize

import numpy as np
import polars as pl
from numpy.typing import NDArray

MOST_WORDS = 8


@dataclass(frozen=True, eq=False)
class TextSearch:
    """Texts of the catalogue in lower case.

    Args:
        ids, titles: One text per item.
        texts: Other columns of text.
        popular: float32 (n_items,), popularity, which orders equal matches.
    """

    ids: pl.Series
    titles: pl.Series
    texts: tuple[pl.Series, ...]
    popular: NDArray[np.float32]

    @classmethod
    def of(
        cls,
        ids: NDArray[np.generic],
        titles: pl.Series | None,
        texts: Sequence[pl.Series],
        popular: NDArray[np.float32],
    ) -> TextSearch:
        """Convert the columns of a catalogue to lower case."""
        named = pl.Series(ids).cast(pl.String).str.to_lowercase()
        low = tuple(_lower(each) for each in texts)
        return cls(named, named if titles is None else _lower(titles), low, popular)

    def find(self, text: str, k: int) -> list[int]:
        """Return the inner indices of the k best matches, best first.

        All words must occur, in the title or in the other texts, as words or within longer ones. The order
        is: the item with exactly this id, ids with this prefix, titles with this prefix, titles with all
        words at the beginning of words, titles with all words, items whose texts have all words.

        Args:
            text: Query; case does not matter.
            k: Largest number of matches.
        """
        wanted = " ".join(normalize("NFC", text).lower().split())
        words = wanted.split()[:MOST_WORDS]
        if not words:
            return []
        named = np.flatnonzero(self.ids.str.starts_with(wanted).to_numpy())
        titled = _having((self.titles,), words)
        grade = np.zeros(len(self.ids), dtype=np.int8)
        if self.texts and len(named) + len(titled) < k:
            grade[_having((self.titles, *self.texts), words)] = 1
        grade[titled] = 2
        close = self.titles.gather(titled)
        grade[titled[_starting(close, words).to_numpy()]] = 3
        grade[titled[close.str.starts_with(wanted).to_numpy()]] = 4
        grade[named] = 5
        grade[named[(self.ids.gather(named) == wanted).to_numpy()]] = 6
        found = np.flatnonzero(grade)
        order = np.lexsort((found, -self.popular[found], -grade[found]))
        return [int(at) for at in found[order[:k]]]


def _lower(series: pl.Series) -> pl.Series:
    return series.cast(pl.String).fill_null("").str.normalize("NFC").str.to_lowercase()


def _having(columns: Sequence[pl.Series], words: Sequence[str]) -> NDArray[np.int64]:
    """Find the items in which every word occurs, in any of the columns; long, rare words come first."""
    places = np.arange(len(columns[0]))
    for word in sorted(words, key=len, reverse=True):
        mask = np.zeros(len(places), dtype=bool)
        for each in columns:
            series = each if len(places) == len(each) else each.gather(places)
            mask |= series.str.contains(word, literal=True).to_numpy()
        places = places[mask]
    return places


def _starting(series: pl.Series, words: Sequence[str]) -> pl.Series:
    """Mark the texts in which every word is the beginning of a word."""
    spaced = " " + series.str.replace_all(r"[^\p{L}\p{M}\p{N}]+", " ")
    found = pl.repeat(True, len(series), dtype=pl.Boolean, eager=True)
    for word in words:
        found = found & spaced.str.contains(f" {word}", literal=True)
    return found
