"""`Finding`: one named defect with its place, its count and what to do about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sidelight.data.defects import DEFECTS, Severity


@dataclass(frozen=True)
class Finding:
    """One defect of one kind in one column or file.

    Args:
        defect: Name of the defect, a key of `sidelight.data.defects.DEFECTS`, e.g. "orphan-item".
        severity: "error" (rows were set aside or results would be wrong), "warning" (look at it),
            "note" (worth knowing).
        table: "interactions", "items", "users" or "".
        message: One line: what was expected and what was found, with an example value.
        fix: One line: what to do.
        file: Name of the file, or "" for frames.
        row: 1-based data row of the first case (the header is not counted), or None.
        column: Name of the column, or "".
        count: Number of affected rows.
        quarantined: True when these rows were set aside rather than used.
    """

    defect: str
    severity: Severity
    table: str
    message: str
    fix: str = ""
    file: str = ""
    row: int | None = None
    column: str = ""
    count: int = 1
    quarantined: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def new_finding(defect: str, table: str, message: str, fix: str = "", **place: Any) -> Finding:
    """Return a finding of the readers, with severity and advice from the registry of defects.

    A value that was only made null is a warning, where a row set aside is an error.

    Args:
        defect, table, message: See `Finding`.
        fix: Advice in one line; "" takes that of the registry.
        place: The other fields of `Finding`: file, row, column, count, quarantined.
    """
    severity, _, advice = DEFECTS[defect]
    if severity == "error" and not place.get("quarantined"):
        severity = "warning"
    return Finding(defect, severity, table, message, fix or advice, **place)
