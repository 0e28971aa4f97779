"""Prediction of a user attribute, and removal of a sensitive one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import polars as pl
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from sidelight.data.context import consented
from sidelight.data.split.split import Split
from sidelight.errors import SpecError, complain
from sidelight.option_types import Label, NonNegative, checked
from sidelight.towers.batch import Batch
from sidelight.towers.towers import Towers


@dataclass(frozen=True)
@checked
class UserAttribute:
    """Prediction of a user column from the user vector, for users who consented.

    It is predicted from the history alone: what the model is told of the user beside clicks (`users`
    and `context` of `TwoTower`) is left out, whether or not the column is among it. Otherwise the
    task would be to copy an input.

    Args:
        column: A column of the user table. Where the schema names a column of consent, only rows
            that say yes are looked at. A sensitive column is refused.
        weight: Loss weight to start from.

    Examples:
        >>> import sidelight as sl
        >>> spec = sl.TwoTower((sl.Text("title"),)).with_tasks(sl.UserAttribute("age_group"))
        >>> [task.name for task in spec.tasks]
        ['user:age_group']
    """

    column: Label
    weight: NonNegative = 0.1
    uses_clicks: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """Name of the task, e.g. "user:plan"."""
        return f"user:{self.column}"

    def build(self, split: Split, towers: Towers, seed: int = 0) -> nn.Module:
        """Return codes of the values, and one learned vector per value."""
        if split.data.schema.find("users", self.column).sensitive:
            fix = "use SensitiveRemoval to take it out of the vectors"
            raise SpecError(
                complain("a user column that is not sensitive", repr(self.column), self.name, fix)
            )
        return _Attribute(torch.as_tensor(codes(split, self.column)), towers.dim)


class _Attribute(nn.Module):
    codes: Tensor

    def __init__(self, found: Tensor, dim: int) -> None:
        super().__init__()
        self.register_buffer("codes", found, persistent=False)
        self.head = nn.Linear(dim, int(found.max()) + 1)

    def forward(self, batch: Batch, towers: Towers) -> Tensor:
        """Cross entropy over the users of the step whose value is known; `batch.side_vectors` stays out."""
        able = (self.codes[batch.users] >= 0) & (batch.history >= 0).any(dim=1)
        if not bool(able.any()):
            return self.head.bias.sum() * 0.0
        users = towers.users(batch.vectors, batch.history[able])
        return F.cross_entropy(self.head(users), self.codes[batch.users[able]])


@dataclass(frozen=True)
@checked
class SensitiveRemoval:
    """Share of a sensitive column's variance that user vectors explain by a linear map, driven down.

    With U the centred unit vectors of n users, (n, dim), and Y their centred one-hot values, it is

        tr(Y' U (U'U + r I)^-1 U'Y) / tr(Y'Y),  r = dim / n * mean diagonal of U'U,

    which is the R^2 of a linear regression but for the ridge r: 0 for a column that cannot be read off
    the vectors, 1 for one that can be without error, whatever the scale of the vectors. Chance alone
    explains up to dim / n, so a step should hold several times as many users whose value is known as
    there are dimensions.

    What is linear in the column is removed; a curved trace of it may stay, so audit afterwards. It
    acts on the vectors that rank: item vectors without dropout, and what the user's attributes and
    the moment add, so that a trace which comes in through these is driven out as well.

    Args:
        column: A column of the user table, looked at only under consent where the schema asks.
        weight: Loss weight to start from.

    Source: The linear concept of Belrose et al., "LEACE" (NeurIPS 2023), as a penalty in training;
    the scale is that of a coefficient of determination.

    Examples:
        >>> import sidelight as sl
        >>> spec = sl.TwoTower((sl.Text("title"),)).with_tasks(sl.SensitiveRemoval("gender"))
        >>> [task.name for task in spec.tasks]
        ['remove:gender']
    """

    column: Label
    weight: NonNegative = 1.0
    uses_clicks: ClassVar[bool] = True

    @property
    def name(self) -> str:
        """Name of the task, e.g. "remove:gender"."""
        return f"remove:{self.column}"

    def build(self, split: Split, towers: Towers, seed: int = 0) -> nn.Module:
        """Return codes of the values."""
        split.data.schema.find("users", self.column)
        return _Removal(torch.as_tensor(codes(split, self.column)))


class _Removal(nn.Module):
    codes: Tensor

    def __init__(self, found: Tensor) -> None:
        super().__init__()
        self.register_buffer("codes", found, persistent=False)

    def forward(self, batch: Batch, towers: Towers) -> Tensor:
        """R^2 of the values on unit user vectors, over the users whose value is known."""
        able = self.codes[batch.users] >= 0
        if batch.side_vectors is None:  # then all without a history have one and the same vector
            able = able & (batch.history >= 0).any(dim=1)
        if int(able.sum()) < 3:
            return batch.vectors.sum() * 0.0
        added = None if batch.side_vectors is None else batch.side_vectors[able]
        # Ids that dropout hides half of the time count in full in the vectors that rank.
        training = towers.training
        towers.eval()
        vectors = towers.items(batch.items)
        towers.train(training)
        users = F.normalize(towers.users(vectors, batch.history[able], added), dim=1)
        values = F.one_hot(self.codes[batch.users[able]], int(self.codes.max()) + 1).float()
        return explained(users, values)


def explained(x: Tensor, y: Tensor) -> Tensor:
    """Share of the variance of y (n, k) that a ridge regression on x (n, dim) explains, in [0, 1]."""
    x, y = x - x.mean(dim=0), y - y.mean(dim=0)
    gram, total = x.T @ x, y.square().sum()
    size = gram.diagonal().mean().detach()
    if not bool((total > 0) & (size > 0)):
        return x.sum() * 0.0
    ridge = x.shape[1] / len(x) * size * torch.eye(x.shape[1], device=x.device)
    shared = x.T @ y
    found: Tensor = (torch.linalg.solve(gram + ridge, shared) * shared).sum() / total
    return found


def codes(split: Split, column: str) -> NDArray[np.int64]:
    """Return the code of each user's value, int64 (n_users,), -1 where missing or without consent."""
    users = split.data.users
    about = split.data.schema.find("users", column)
    values = users[column].cast(pl.String)
    known = values.is_not_null() & consented(users, about, "the user table")
    names = sorted(set(values.filter(known).to_list()))
    if len(names) < 2:
        found = f"{len(names)}"
        raise SpecError(complain("two values or more of users who consented", found, f"column {column!r}"))
    table = {name: at for at, name in enumerate(names)}
    pairs = zip(values.to_list(), known.to_list(), strict=True)
    return np.array([table[v] if k else -1 for v, k in pairs], dtype=np.int64)


def example() -> UserAttribute:
    """Return an example for the shared contract tests."""
    return UserAttribute("plan")
