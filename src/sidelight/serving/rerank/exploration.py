"""Exploration: some slots go to new items by chance, with probabilities that are known exactly.

A list that always shows the best guess never learns about an item that nobody has seen. `explore` gives
slots to new items at random and says, for each item shown, how likely it was to be in the list. With that
number, clicks on such lists answer questions about other lists without bias (inverse propensity weighting).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from sidelight import seeding
from sidelight.errors import DataError, SpecError, complain, did_you_mean
from sidelight.option_types import checked
from sidelight.option_values import Range
from sidelight.serving.rerank.candidates import Mask, Places, RuleResult, number

MOST = 0.9  # with a rate of 1 the model's own items could never be shown, and nothing be learnt about them


@dataclass(frozen=True)
@checked
class Exploration:
    """How much of a list is given to chance.

    Args:
        rate: 0..0.9, probability that a slot is given to a new item by chance. 0: never.
        pool: How many of the best new items take part, 1..10,000.
        seed: Of the random streams, >= 0.

    Raises:
        SpecError: A number out of range or of the wrong type.
    """

    rate: Annotated[float, Range(f"[0, {MOST}]")] = 0.0
    pool: Annotated[int, Range("[1, 10000]")] = 100
    seed: Annotated[int, Range(f"[0, {2**63 - 1}]")] = 0

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Exploration:
        """The options from a JSON object.

        Raises:
            SpecError: An unknown key (the nearest valid one is named), or a value that is refused.
        """
        if not isinstance(given, Mapping):
            raise SpecError(complain("an object with keys", repr(given)[:80], "exploration"))
        valid = [field.name for field in fields(cls)]
        for key in given:
            if key not in valid:
                hint = did_you_mean(str(key)[:80], valid)
                raise SpecError(f"unknown key {str(key)[:80]!r} in exploration; {hint}")
        return cls(**given)

    def on(self, ruled: RuleResult, request: str) -> ExploredList:
        """A list after rules, explored: pins stay, and what is blocked is not drawn.

        Args:
            ruled: What `rules.apply` gave.
            request: Id of the request: equal ids (and seeds) give equal draws.
        """
        rng = seeding.generator(self.seed, "exploration", request)
        return explore(
            ruled.order, ruled.fresh[: self.pool + len(ruled.order)], self.rate, rng, ruled.pinned, self.pool
        )


@dataclass(frozen=True, eq=False)
class ExploredList:
    """A list some of whose slots were given to chance.

    Args:
        order: int64 (k,), items, as given to `explore`.
        explored: bool (k,), slots that were given to chance.
        propensity: float64 (k,), probability that the item in this slot is in the list; in (0, 1].
    """

    order: Places
    explored: Mask
    propensity: NDArray[np.float64]


def explore(
    order: NDArray[np.integer],
    new: NDArray[np.integer],
    rate: float,
    rng: np.random.Generator,
    held: Mask | None = None,
    pool: int = 100,
) -> ExploredList:
    """The list with some slots given to new items, and the exact propensity of each item shown.

    Candidates are the best M <= `pool` new items that are not in the list. Of the slots that no pin holds the
    last min(their number, M) take part. Each is given away with probability `rate`, independently of the
    others; the B slots that are get B different candidates, drawn uniformly without replacement. So

        an item whose slot takes part is in the list with probability 1 - rate,
        an item whose slot does not, with probability 1,
        each candidate with probability E[B] / M = rate * (slots that take part) / M,

    exactly: B is never larger than M, so nothing is cut off, and given B all candidates are alike. These are
    marginal probabilities of *being in the list*; nothing depends on what was drawn. Weighting what happened
    with an item by 1 / propensity is unbiased for any sum over items that can be shown.

    Args:
        order: Items of the list, (k,), each once.
        new: New items that may be shown, best first, each once; those in the list are passed over.
        rate: 0..0.9.
        rng: Source of all chance; equal states give equal lists.
        held: bool (k,), slots that stay as they are. None: no slot.
        pool: Largest number of candidates, >= 1.

    Raises:
        SpecError: A rate or pool out of range.
        DataError: `held` is not one boolean for each slot.
    """
    number(rate, 0.0, MOST, "exploration, rate")
    number(pool, 1, np.inf, "exploration, pool")
    items = np.array(order, dtype=np.int64)
    explored = np.zeros(len(items), dtype=bool)
    propensity = np.ones(len(items))
    if held is not None and (np.shape(held) != items.shape or np.asarray(held).dtype != bool):
        found = f"{np.asarray(held).dtype} {np.shape(held)}"
        raise DataError(complain(f"booleans of shape {items.shape}", found, "exploration, held"))
    fresh = np.asarray(new, dtype=np.int64)
    candidates = fresh[~np.isin(fresh, items)][:pool]
    slots = np.arange(len(items)) if held is None else np.flatnonzero(~held)
    slots = slots[max(len(slots) - len(candidates), 0) :]
    if rate == 0.0 or len(slots) == 0:
        return ExploredList(items, explored, propensity)
    propensity[slots] = 1.0 - rate
    given = slots[rng.random(len(slots)) < rate]
    items[given] = rng.choice(candidates, size=len(given), replace=False)
    explored[given] = True
    propensity[given] = rate * len(slots) / len(candidates)
    return ExploredList(items, explored, propensity)
