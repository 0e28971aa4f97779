"""Request for a recommendation list: one dataclass for the engine, the HTTP API and the client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sidelight.errors import SpecError, complain
from sidelight.option_types import Count, checked
from sidelight.serving.rerank.rules import Rules


@dataclass(frozen=True)
@checked
class RecommendRequest:
    """Request for one list. Ids are text; where the catalogue's ids are numbers, "17" means 17.

    Lists become tuples.

    Args:
        user: Id of a stored user; an unknown one gets popular items. Or
        history: item ids, oldest first, for a user who is not stored. Exactly one of the two.
        context: Context columns of the model by name, e.g. {"hour": 7}.
        k: Length of the list, >= 1.
        candidates: Items that may be shown; None means all, an empty tuple none.
        rules: Business rules over the list.
        explain: Add to each item the explanation of its score.
        explore: Exploration, where it is switched on, may take slots of this list.
        filter_seen: Leave out the items of the history. Dismissed items are always left out.

    Raises:
        SpecError: Neither or both of user and history, or an option of another type or out of range.

    Examples:
        >>> RecommendRequest(history=["i01", "i05"], k=3).to_dict()
        {'history': ['i01', 'i05'], 'k': 3}
    """

    user: str | None = None
    history: tuple[str, ...] | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    k: Count = 10
    candidates: tuple[str, ...] | None = None
    rules: Rules | None = None
    explain: bool = False
    explore: bool = True
    filter_seen: bool = True

    def __post_init__(self) -> None:
        if (self.user is None) == (self.history is None):
            found = "neither" if self.user is None else "both"
            raise SpecError(complain("a user or a history", found, "the request"))

    def to_dict(self) -> dict[str, Any]:
        """Return the request as the body of POST /v1/recommend; options at their default are left out."""
        body: dict[str, Any] = {"user": self.user, "history": self.history, "candidates": self.candidates}
        body = {name: list(v) if isinstance(v, tuple) else v for name, v in body.items() if v is not None}
        body["k"] = self.k
        if self.context:
            body["context"] = dict(self.context)
        if self.rules is not None:
            body["rules"] = self.rules.to_dict()
        flags = {"explain": False, "explore": True, "filter_seen": True}
        return body | {name: not usual for name, usual in flags.items() if getattr(self, name) != usual}
