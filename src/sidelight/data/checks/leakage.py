"""Checks of leakage: columns that reveal popularity, the future, or sensitive attributes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import rankdata

from sidelight.data.checks.checked_tables import Check, CheckedTables
from sidelight.data.findings import Finding
from sidelight.data.infer_roles import is_afterwards, is_sensitive
from sidelight.data.parse_values import truth
from sidelight.data.schema import CONTENT_ROLES
from sidelight.data.schema_file import line_of

ENOUGH = 50


def popularity(t: CheckedTables) -> list[Finding]:
    """Report item numbers that rank items as the number of their events does, |Spearman| > .8."""
    found: list[Finding] = []
    if not _claimed(t):
        return found
    counts = t.items.select("item_id").join(t.events_by_item, on="item_id", how="left", maintain_order="left")
    events = counts["n"].fill_null(0).to_numpy().astype(np.float64)
    for column in _claimed(t):
        values = t.items[column].cast(pl.Float64).to_numpy()
        known = np.isfinite(values)
        if known.sum() < ENOUGH:
            continue
        rho = spearman(values[known], events[known])
        if abs(rho) > 0.8:
            message = f"ranks items as their number of events does (Spearman {rho:+.2f})"
            found += t.found("popularity-leak", "items", None, message, column, int(known.sum()))
    return found


def _claimed(t: CheckedTables) -> list[str]:
    """Return numeric item columns that are declared as known at launch."""
    columns = [c.name for c in t.columns("items", "number") if c.known_at_launch]
    return [c for c in columns if t.items[c].dtype.is_numeric()]


def spearman(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Compute Spearman's rank correlation of two arrays (n,); 0 where one is constant."""
    one, two = rankdata(a), rankdata(b)
    if np.ptp(one) == 0 or np.ptp(two) == 0:
        return 0.0
    return float(np.corrcoef(one, two)[0, 1])


def launch(t: CheckedTables) -> list[Finding]:
    """Report columns that by name are known only after release, and those declared as such."""
    found = []
    for column in t.columns("items", *CONTENT_ROLES):
        if not column.known_at_launch:
            message = "is known only after launch"
            if "items" in t.raw.guessed:
                line = line_of(replace(column, known_at_launch=True))
                message = f"is known only after launch, to judge by its name; if that is wrong, write {line}"
            found += t.found("after-launch-content", "items", None, message, column.name)
        elif is_afterwards(column.name):
            message = "is content, yet its name says it comes after launch; e.g. {value}"
            found += t.found("after-launch-name", "items", None, message, column.name)
    return found


def consent(t: CheckedTables) -> list[Finding]:
    """Report sensitive user columns: unmarked, without consent, and refusals of consent."""
    found, reported = [], False
    for column in t.columns("users"):
        if column.name in {c.consent for c in t.raw.schema.users}:
            continue
        if not column.sensitive:
            if is_sensitive(column.name):
                message = "looks sensitive by its name and is not marked; e.g. {value}"
                found += t.found("sensitive-unmarked", "users", None, message, column.name)
            continue
        if column.consent is None:
            if not reported:
                names = ", ".join(c.name for c in t.columns("users") if c.sensitive and c.consent is None)
                message = f"nothing says that users agreed to the use of {names}"
                found += t.found("consent-missing", "users", None, message, column.name)
            reported = True
        elif column.consent not in t.users.columns:
            message = f"consent is to be read from {column.consent!r}, which is not a column"
            found += t.found("consent-unknown-column", "users", None, message, column.name)
        else:
            message = f"not agreed to, by column {column.consent!r}"
            refused = ~agreed(t.users[column.consent])
            found += t.found("consent-refused", "users", refused, message, column.name)
    return found


def agreed(answers: pl.Series) -> pl.Series:
    """Mark rows where a consent column says yes; anything else, missing too, is no."""
    return truth(answers).fill_null(False)


CHECKS: tuple[Check, ...] = (popularity, launch, consent)
