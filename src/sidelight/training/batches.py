"""Batches of split histories; a step depends on the seed and its number alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from sidelight.data.histories import padded
from sidelight.data.sampling import draw_items, item_probabilities
from sidelight.data.split.split import Split
from sidelight.seeding import generator
from sidelight.towers.batch import Batch
from sidelight.towers.towers import Towers
from sidelight.training.training_options import TrainingOptions

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Batches:
    """Source of the batches of a training run.

    Args:
        options: Sizes and seeds.
        start, item: int64 (n_users + 1,) and (n_events,): histories in the order of events.
        users: int64, users with an event.
        touched: int64, items with events: what the primary chooses among.
        chance: float64 (n_items,), probabilities of the draw for tasks.
        event: int64 (n_events,), row of each in the interactions.
    """

    options: TrainingOptions
    start: Ints
    item: Ints
    users: Ints
    touched: Ints
    chance: NDArray[np.float64]
    event: Ints

    @classmethod
    def of(cls, split: Split, options: TrainingOptions) -> Batches:
        """Collect the histories that a model may be fitted on."""
        log, rows = split.data.interactions, split.fit_rows
        order = np.arange(len(rows))
        for key in (log.position, log.timestamp):
            if key is not None:
                order = order[np.argsort(key[rows][order], kind="stable")]
        user, item = log.user[rows][order].astype(np.int64), log.item[rows][order].astype(np.int64)
        event = rows[order].astype(np.int64)
        order = np.argsort(user, kind="stable")
        user, item, event = user[order], item[order], event[order]
        # A pair that occurs again says nothing new here: its first event stays.
        _, first = np.unique(user * split.data.n_items + item, return_index=True)
        first.sort()
        user, item, event = user[first], item[first], event[first]
        start = np.searchsorted(user, np.arange(split.data.n_users + 1)).astype(np.int64)
        chance = item_probabilities(split.data.items, split.data.schema, options.task_sampling)
        users = np.flatnonzero(np.diff(start))
        return cls(options, start, item, users, np.unique(item), chance, event)

    @property
    def per_epoch(self) -> int:
        """Steps of one epoch."""
        return max(self.options.min_steps, -(-len(self.users) // self.options.batch_size))

    def users_of(self, step: int) -> Ints:
        """Return the users of one step; each epoch visits all of them in an order of its own."""
        if not len(self.users):
            return self.users
        epoch, place = divmod(step, self.per_epoch)
        size = min(self.options.batch_size, len(self.users))
        at = np.arange(place * size, (place + 1) * size)
        rounds = at // len(self.users)
        out = np.empty(size, dtype=np.int64)
        for each in np.unique(rounds):
            order = generator(self.options.seed, "epoch", str(epoch), str(each)).permutation(self.users)
            out[rounds == each] = order[at[rounds == each] % len(self.users)]
        return np.unique(out)

    def make(self, step: int, towers: Towers) -> Batch:
        """Make the batch of a step, with item vectors from the towers in their present state.

        Where the towers use contexts, each user has the context of one held-out event, and only the
        held-out events with an equal context are targets. With the probability that a context is
        hidden, all of them are targets without a context.
        """
        rng = generator(self.options.seed, "step", str(step))
        device = towers.touched.device
        users = self.users_of(step)
        length = self.start[users + 1] - self.start[users]
        row = np.repeat(np.arange(len(users)), length)
        place = np.arange(len(row)) - np.repeat(np.cumsum(length) - length, length)
        entry = self.start[users][row] + place
        item = self.item[entry]
        inputs = self._inputs(rng, length, row)
        viewed = self._viewed(step, users)
        inputs &= (viewed < 0)[row]
        target, context = ~inputs, None
        if len(towers.context_features.row_of):
            hidden = towers.options.side_dropout if towers.training else 0.0
            contexts = towers.context_features.row_of[self.event[entry]]
            target, chosen = self._contexts(step, row, contexts, target, len(users), hidden)
            context = torch.as_tensor(chosen, device=device)
        items = self._items(rng, item)
        at = np.searchsorted(items, item)
        noise = torch.Generator().manual_seed(int(rng.integers(2**62)))
        index, user = torch.as_tensor(items, device=device), torch.as_tensor(users, device=device)
        vectors = towers.items(index, noise)
        return Batch(
            index, vectors, user,
            torch.as_tensor(padded(row[inputs], at[inputs], len(users)), device=device),
            torch.as_tensor(np.stack([row[target], at[target]], axis=1), device=device),
            torch.as_tensor(draw_items(rng, self.chance, self.options.task_items), device=device), noise,
            towers.side_vectors(user, context, noise), _views(towers, viewed, noise),
        )  # fmt: skip

    def _inputs(self, rng: np.random.Generator, length: Ints, row: Ints) -> NDArray[np.bool_]:
        """Draw the inputs, bool (n_events,); of two events or more at least one is an input, one a target.

        A single event is a target: of an unknown user, or of one with the view as the only input.
        """
        share = rng.uniform(*self.options.input_share, size=len(length))
        wanted = np.clip(np.rint(share * length), 1, np.maximum(length - 1, 1)).astype(np.int64)
        wanted[(length < 2) | (rng.random(len(length)) < self.options.empty_history_rate)] = 0
        order = np.lexsort((rng.random(len(row)), row))
        rank = np.empty(len(row), dtype=np.int64)
        rank[order] = np.arange(len(row)) - np.repeat(np.cumsum(length) - length, length)
        return rank < wanted[row]

    def _viewed(self, step: int, users: Ints) -> Ints:
        """Draw the item whose view is the input of each user, int64 (n_users,), -1 = none."""
        # A stream of its own, as that of the contexts.
        rng = generator(self.options.seed, "views", str(step))
        start, length = self.start[users], self.start[users + 1] - self.start[users]
        share = np.where(length == 1, self.options.lone, self.options.views)
        chosen = self.item[start + (rng.random(len(users)) * length).astype(np.int64)]
        return np.where(rng.random(len(users)) < share, chosen, -1)

    def _contexts(
        self, step: int, row: Ints, context: Ints, target: NDArray[np.bool_], n_users: int, hidden: float
    ) -> tuple[NDArray[np.bool_], Ints]:
        """Draw a context per user, int64 (n_users,), and keep its targets, bool (n_events,)."""
        # A stream of its own: towers without contexts draw as before.
        rng = generator(self.options.seed, "moment", str(step))
        order = rng.permutation(np.flatnonzero(target))
        chosen = np.full(n_users, -1, dtype=np.int64)
        chosen[row[order]] = context[order]  # the last of each user stays
        chosen[rng.random(n_users) < hidden] = -1
        return target & ((chosen[row] < 0) | (context == chosen[row])), chosen

    def _items(self, rng: np.random.Generator, needed: Ints) -> Ints:
        if len(self.touched) <= self.options.full_softmax_limit:
            return self.touched
        extra = rng.choice(self.touched, min(self.options.negatives, len(self.touched)), replace=False)
        return np.union1d(needed, extra)


def _views(towers: Towers, viewed: Ints, noise: torch.Generator) -> torch.Tensor | None:
    """Compute views of the items, float32 (n_users, dim), zero where the index is -1; None where all are."""
    at = np.flatnonzero(viewed >= 0)
    if not len(at):
        return None
    device = towers.touched.device
    found = towers.views(torch.as_tensor(viewed[at], device=device), noise)
    out = torch.zeros(len(viewed), towers.dim, device=device)
    return out.index_copy(0, torch.as_tensor(at, device=device), found)
