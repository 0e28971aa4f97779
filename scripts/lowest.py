"""The lowest version of each direct dependency that pyproject.toml allows, one requirement a line.

Usage: python scripts/lowest.py EXTRA,EXTRA,...
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def lowest(extras: list[str]) -> list[str]:
    """Requirements of the project and of these extras with each `>=` as `==`; its own name is left out."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    parts = [project["dependencies"], *(project["optional-dependencies"][name] for name in extras)]
    named = {line for part in parts for line in part if not line.startswith(project["name"])}
    if without := sorted(line for line in named if ">=" not in line and "==" not in line):
        raise SystemExit(f"expected a lowest version of each dependency; found none for {', '.join(without)}")
    return sorted(line.replace(">=", "==") for line in named)


if __name__ == "__main__":
    print("\n".join(lowest(sys.argv[1].split(","))))
