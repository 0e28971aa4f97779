"""Exploration: some slots go to new items at random, with probabilities that are known exactly.

A list that always shows the best guess never learns about an item without interactions. `explore` gives
slots to new items at random and returns, for each item shown, the probability that it is in the list. With
that number, clicks on such lists evaluate other lists without bias (inverse propensity weighting).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from sidelight import seeding
from sidelight.errors import DataError, complain
from sidelight.option_types import Count, check_call, checked
from sidelight.option_values import Range
from sidelight.serving.rerank.candidates import Mask, RuleResult
from sidelight.serving.rerank.rules import read_options

# With a rate of 1 the model's own items could never be shown, and nothing be learnt about them.
Rate = Annotated[float, Range("[0, 0.9]")]


@dataclass(frozen=True)
@checked
class Exploration:
    """Options of exploration.

    Args:
        rate: Probability that a slot is given to a random new item, 0..0.9. 0: never.
        pool: Number of the best new items that take part, 1..10,000.
        seed: Random seed, >= 0.

    Raises:
        SpecError: A number out of range or of the wrong type.
    """

    rate: Rate = 0.0
    pool: Annotated[int, Range("[1, 10000]")] = 100
    seed: Annotated[int, Range(f"[0, {2**63 - 1}]")] = 0

    @classmethod
    def from_dict(cls, given: Mapping[str, Any]) -> Exploration:
        """Read the options from a JSON object.

        Raises:
            SpecError: An unknown key (the nearest valid one is named), or a value that is refused.
        """
        return read_options(cls, given, "exploration")

    def on(self, ruled: RuleResult, request: str) -> ExploredList:
        """Explore a list after rules: pins stay, and blocked items are not drawn.

        Args:
            ruled: Result of `apply_rules`.
            request: Id of the request: equal ids (and seeds) give equal draws.
        """
        rng = seeding.generator(self.seed, "exploration", request)
        new = ruled.fresh[: self.pool + len(ruled.order)]
        return explore(ruled.order, new, self.rate, rng, ruled.pinned, self.pool)


@dataclass(frozen=True, eq=False)
class ExploredList:
    """List with some slots given to random new items.

    Args:
        order: int64 (k,), items, as given to `explore`.
        explored: bool (k,), slots of random items.
        propensity: float64 (k,), probability that the item in this slot is in the list; in (0, 1].
    """

    order: NDArray[np.int64]
    explored: Mask
    propensity: NDArray[np.float64]


def explore(
    order: NDArray[np.integer],
    new: NDArray[np.integer],
    rate: Rate,
    rng: np.random.Generator,
    held: Mask | None = None,
    pool: Count = 100,
) -> ExploredList:
    """Give some slots of a list to new items, and compute the exact propensity of each item shown.

    Candidates are the best M <= `pool` new items that are not in the list. Of the slots that no pin holds the
    last min(their number, M) take part. Each is given away with probability `rate`, independently of the
    others; the B slots that are get B different candidates, drawn uniformly without replacement. So

        an item whose slot takes part is in the list with probability 1 - rate,
        an item whose slot does not, with probability 1,
        each candidate with probability E[B] / M = rate * (slots that take part) / M,

    exactly: B is never larger than M, so nothing is cut off, and given B all candidates are equally likely.
    These are marginal probabilities of *being in the list*; nothing depends on what was drawn. Weighting
    the outcome of an item by 1 / propensity is unbiased for any sum over items that can be shown.

    Args:
        order: Items of the list, (k,), each once.
        new: New items that may be shown, best first, each once; those in the list are skipped.
        rate: 0..0.9.
        rng: Random generator; equal states give equal lists.
        held: bool (k,), slots that stay as they are. None: no slot.
        pool: Largest number of candidates, >= 1.

    Raises:
        SpecError: A rate or pool out of range.
        DataError: `held` is not one boolean per slot.
    """
    check_call(explore, {"rate": rate, "pool": pool})
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
