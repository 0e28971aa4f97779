"""Registry of the defects that `sidelight check` can name: severity, meaning, what to do."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Literal, NamedTuple

Severity = Literal["error", "warning", "note"]


class Defect(NamedTuple):
    """One kind of defect: its severity, a one-line meaning, and what to do about it."""

    severity: Severity
    meaning: str
    fix: str


THEMES: dict[str, dict[str, Defect]] = {
    theme: {name: Defect(*entry) for name, entry in group.items()}
    for theme, group in tomllib.loads((files("sidelight.data") / "defects.toml").read_text("utf-8")).items()
}
DEFECTS: dict[str, Defect] = {name: defect for group in THEMES.values() for name, defect in group.items()}
"""Name of a defect -> (severity, meaning, what to do)."""


def markdown() -> str:
    """Return the tables of docs/check.md."""
    lines: list[str] = []
    for theme, group in THEMES.items():
        lines += [
            f"### {theme}",
            "",
            "| defect | severity | what it means | what to do |",
            "|---|---|---|---|",
        ]
        lines += [f"| `{n}` | {d.severity} | {d.meaning} | {d.fix} |" for n, d in group.items()]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    import re
    import sys
    from pathlib import Path

    # Rewrites the tables of docs/check.md: python -m sidelight.data.defects docs/check.md
    page = Path(sys.argv[1])
    text = page.read_text(encoding="utf-8")
    fresh = re.sub(
        r"(?s)(<!-- defects -->\n).*(<!-- end of defects -->)", lambda m: m[1] + markdown() + m[2], text
    )
    page.write_text(fresh, encoding="utf-8")
