"""`People`: outside ids and histories of the users that a fitted model has stored."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sidelight.data.histories import Histories
from sidelight.data.ids import Ids, index_of
from sidelight.data.split.split import Split


@dataclass(frozen=True, eq=False)
class People:
    """Stored users of a model: what a bundle saved with `people=False` does not hold.

    Args:
        ids: Outside ids of the users, shape (n_users,), sorted.
        histories: Training items of each user, oldest first; n_users rows.
    """

    ids: Ids
    histories: Histories

    @classmethod
    def of(cls, split: Split) -> People:
        """Return the users of a split with their training histories."""
        return cls(split.data.user_ids, split.histories())

    def __len__(self) -> int:
        return len(self.ids)

    def find(self, ids: Iterable[Any]) -> NDArray[np.int64]:
        """Return the inner indices of outside ids, -1 for unknown ones."""
        return index_of(self.ids, ids)

    def widened(self, n_items: int) -> People:
        """Return the same users over a catalogue of `n_items` items."""
        return People(self.ids, self.histories.widened(n_items))

    def state(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return arrays and options for a bundle."""
        rows = self.histories
        arrays = {"user_ids": self.ids, "history_start": rows.start, "history_item": rows.item}
        return arrays, {"ordered": rows.ordered}

    @classmethod
    def restore(cls, arrays: dict[str, Any], meta: dict[str, Any]) -> People | None:
        """Return the users that `state` described; None where a bundle was saved without them."""
        if "user_ids" not in arrays:
            return None
        if "histories" in arrays:  # format 1 stored a matrix, without the order of events
            return cls(arrays["user_ids"], Histories.of_matrix(arrays["histories"]))
        rows = arrays["history_start"], arrays["history_item"], len(arrays["item_ids"])
        return cls(arrays["user_ids"], Histories(*rows, ordered=bool(meta["ordered"])))
