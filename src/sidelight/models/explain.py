"""Why an item is in a list: the history items and the words that carried its score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.models.scorer import Attentive, Scorer, told

if TYPE_CHECKING:
    from sidelight.models.catalogue import Catalogue


@dataclass(frozen=True)
class Explanation:
    """Reasons for one score.

    Args:
        item_id: The scored item.
        score: Its score.
        history: (outside id, contribution) of the history items that added most, strongest first.
        words: (word or attribute, contribution) that added most, strongest first.
        attributes: What is known of the user beside clicks added this to the score.
    """

    item_id: Any
    score: float
    history: tuple[tuple[Any, float], ...]
    words: tuple[tuple[str, float], ...]
    attributes: float = 0.0

    def __str__(self) -> str:
        because = ", ".join(str(i) for i, _ in self.history)
        if self.attributes > 0:
            because += f"{' and ' if because else ''}what is known of the user beside clicks"
        if not because:
            return f"{self.item_id}: popular; the history says nothing about it"
        about = f" (shared: {', '.join(w for w, _ in self.words)})" if self.words else ""
        return f"{self.item_id}: because of {because}{about}"


def explain(
    scorer: Scorer,
    catalogue: Catalogue,
    history: sp.csr_matrix,
    item: int,
    k: int,
    user: NDArray[np.int64] | None = None,
) -> Explanation:
    """Ask a scorer for the parts of one score.

    Args:
        scorer, catalogue: Of the model.
        history: Binary CSR (1, n_items).
        item: Inner index of the scored item.
        k: How many history items and words to name.
        user: int64 (1,), the stored user, negative = nobody known; None means the same.
    """
    seen = history.indices.astype("int64")
    asked = scorer if user is None else told(scorer, user)
    score = float(asked.score(history)[0, item])
    informed = asked.informed() if isinstance(asked, Attentive) else None
    beside = 0.0
    if informed is not None and informed.any():
        beside = score - float(scorer.score(history)[0, item])
    share = scorer.contributions(seen, item).tolist() if len(seen) else []
    best = sorted(zip(seen, share, strict=True), key=lambda pair: (-pair[1], pair[0]))
    named = tuple((catalogue.item_ids[i].item(), float(v)) for i, v in best[:k] if v > 0)
    words = telling(scorer.words(seen, item, 8 * k))[:k] if len(seen) else ()
    return Explanation(catalogue.item_ids[item].item(), score, named, words, beside)


def telling(words: list[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    """Without words that carry a score but tell a reader nothing: "the", "for", "no"."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return tuple((word, value) for word, value in words if word not in ENGLISH_STOP_WORDS)
