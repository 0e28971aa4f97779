"""`Explanation`: signed shares of one score. Imports nothing that takes long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

PERSONAL_SHARE = 0.1
"""A list row is "personal", and a cause is named with "because of", only above this share of the score."""
LEAST_SHARE = 0.01
"""Reasons and words below this share of the score are not shown."""
EVERYBODY, REST, WHOLE = "popular with everybody", "the rest of the history", "the history as a whole"
USER, CONTEXT = "what is known of the user beside clicks", "the context of the request"


@dataclass(frozen=True)
class Explanation:
    """Signed parts of one score, each divided by its absolute value.

    With s(h, u, c) the score of the item for a history h of n items, a user u and a context c:

    - popularity = p(n) / |s|, the part that is equal for all users with n items in the history;
    - user = (s(h, u) - s(h)) / |s| and context = (s(h, u, c) - s(h, u)) / |s|;
    - history: (s(h, u, c) - s(h without the item, u, c)) / |s|, the fall of the score when one item is
      taken out of the history, exact for every model;
    - rest: the remainder of the history, that is items that are not named and what items add together.

    They sum to 1 for a score above 0 and to -1 below; all are 0 where the score is 0. In a blend s is the
    weighted sum of its components in their own units, so that no component counts more than it does in
    the list. `words` divide the part of the history a second time, by content, and are not in the sum.

    Args:
        item_id: The scored item.
        score: Its score.
        popularity: Share that is equal for all users.
        user: Share of the attributes of the user.
        context: Share of the context of the request.
        history: (item id, title, share) of the history items that move the score most, largest first.
        rest: Share of the rest of the history.
        words: (word or attribute, share) of the content that carried the history's part, largest first.
    """

    item_id: Any = ""
    score: float = 0.0
    popularity: float = 0.0
    user: float = 0.0
    context: float = 0.0
    history: tuple[tuple[Any, str, float], ...] = ()
    rest: float = 0.0
    words: tuple[tuple[str, float], ...] = ()

    @property
    def _named(self) -> tuple[tuple[str, float], ...]:
        items = [(str(title or item), share) for item, title, share in self.history]
        return _largest([*items, (USER, self.user), (CONTEXT, self.context)])

    @property
    def reasons(self) -> tuple[tuple[str, float], ...]:
        """(name, share) of every part from `LEAST_SHARE` on, in either direction, largest first."""
        return _largest([*self._named, (EVERYBODY, self.popularity), (REST, self.rest)])

    @property
    def because(self) -> tuple[tuple[str, float], ...]:
        """(name, share) of the causes above `PERSONAL_SHARE`: history items, the user, the context."""
        found = tuple(pair for pair in self._named if pair[1] > PERSONAL_SHARE)
        together = self.rest + sum(share for _, _, share in self.history)
        return found or (((WHOLE, together),) if together > PERSONAL_SHARE else ())

    def __str__(self) -> str:
        """Describe the score in one line."""
        causes = " and ".join(f"{name} ({share:.0%})" for name, share in self.because)
        said = [f"because of {causes}"] if causes else []
        said += [f"{name}: {share:.0%}" for name, share in self.reasons if (name, share) not in self.because]
        shared = ", ".join(f"{word} ({share:.0%})" for word, share in self.words)
        line = "; ".join(said) or "nothing speaks for it or against it"
        return f"{self.item_id}: {line}" + (f" (shared: {shared})" if shared else "")


def _largest(parts: list[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    shown = [pair for pair in parts if abs(pair[1]) >= LEAST_SHARE]
    return tuple(sorted(shown, key=lambda pair: -abs(pair[1])))
