"""`Finding`: one named defect, where it is, how often, and what to do about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """One defect of one kind in one column or file.

    Args:
        defect: Its name, a key of `sidelight.data.defects.DEFECTS`, e.g. "orphan-item".
        severity: "error" (rows were set aside or results would be wrong), "warning" (look at it),
            "note" (worth knowing).
        table: "interactions", "items", "users" or "".
        message: One line for people: what was expected and what was found, with an example value.
        fix: One line: what to do.
        file: Name of the file, or "" for frames.
        row: 1-based data row of the first case (the header is not counted), or None.
        column: The column, or "".
        count: How many rows have it.
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
        """Plain values for JSON."""
        return asdict(self)
