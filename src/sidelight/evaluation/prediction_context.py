"""The moment that is predicted: what `evaluate` tells a model with context, user by user."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.data.context import common_context, context_rows
from sidelight.data.split.split import Split


def context_of(model: Any, split: Split) -> pl.DataFrame | None:
    """Return the context columns that a model reads, one row per event; None if it reads none.

    Args:
        model: Reads context if it has a method `with_context` and `context` names columns.
        split: The events.

    Raises:
        SpecError: The data does not have one of the columns.
    """
    names = getattr(model, "context", ()) if callable(getattr(model, "with_context", None)) else ()
    return context_rows(split.data.interactions, split.data.schema, names) if names else None


def predicted(
    context: pl.DataFrame | None,
    split: Split,
    rows: NDArray[np.int64],
    truth: sp.csr_matrix,
    users: NDArray[np.int64],
) -> pl.DataFrame | None:
    """Return the common context of each user's relevant events in a part, null where they differ.

    Args:
        context: One row per event, or None.
        split: The events.
        rows: int64, the events of the part.
        truth: CSR (n_users, n_items), the relevant pairs among them.
        users: int64, the users to give, in this order.

    Returns:
        One row per user; None for a model that reads no context.
    """
    if context is None:
        return None
    log = split.data.interactions
    return common_context(context, log.user, log.among(rows, truth), split.data.n_users)[users]
