"""What a column gives away: popularity, the future, or a person."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sidelight.data.checks.checked_tables import CONTENT_ROLES, Check, CheckedTables
from sidelight.data.findings import Finding
from sidelight.data.infer_roles import is_afterwards, is_sensitive
from sidelight.data.schema_file import line_of

ENOUGH = 50


def popularity(t: CheckedTables) -> list[Finding]:
    """Item numbers that rank items as the number of their events does, |Spearman| > .8."""
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
    """Numeric item columns that claim to be known at launch."""
    columns = [c.name for c in t.columns("items", "number") if c.known_at_launch]
    return [c for c in columns if t.items[c].dtype.is_numeric()]


def spearman(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Compute Spearman's rank correlation of two arrays (n,); 0 where one is constant."""
    from scipy.stats import rankdata

    one, two = rankdata(a), rankdata(b)
    if np.ptp(one) == 0 or np.ptp(two) == 0:
        return 0.0
    return float(np.corrcoef(one, two)[0, 1])


def launch(t: CheckedTables) -> list[Finding]:
    """Columns that by name are facts from after release, and those declared as such."""
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


def people(t: CheckedTables) -> list[Finding]:
    """Sensitive user columns: marked as such, covered by consent, and who said no."""
    found, asked = [], False
    for column in t.columns("users"):
        if column.name in {c.consent for c in t.raw.schema.users}:
            continue
        if not column.sensitive:
            if is_sensitive(column.name):
                message = "looks sensitive by its name and is not marked; e.g. {value}"
                found += t.found("sensitive-unmarked", "users", None, message, column.name)
            continue
        if column.consent is None:
            if not asked:
                names = ", ".join(c.name for c in t.columns("users") if c.sensitive and c.consent is None)
                message = f"nothing says that users agreed to the use of {names}"
                found += t.found("consent-missing", "users", None, message, column.name)
            asked = True
        elif column.consent not in t.users.columns:
            message = f"consent is to be read from {column.consent!r}, which is not a column"
            found += t.found("consent-unknown-column", "users", None, message, column.name)
        else:
            message = f"not agreed to, by column {column.consent!r}"
            found += t.found(
                "consent-refused", "users", ~agreed(t.users[column.consent]), message, column.name
            )
    return found


def agreed(consent: pl.Series) -> pl.Series:
    """Boolean: True where a consent column says yes; anything else, missing too, is no."""
    if consent.dtype == pl.Boolean:
        return consent.fill_null(False)
    text = consent.cast(pl.String).str.strip_chars().str.to_lowercase()
    return text.is_in(["true", "yes", "y", "t", "1", "1.0"]).fill_null(False)


CHECKS: tuple[Check, ...] = (popularity, launch, people)
