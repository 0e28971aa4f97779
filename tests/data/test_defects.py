"""Registry of defects: complete, plain and in the docs."""

from __future__ import annotations

import re
from pathlib import Path

from sidelight.data import defects
from sidelight.data.defects import DEFECTS


def test_every_defect_named_in_the_code_is_registered() -> None:
    """And every registered one is somewhere in the code, so that none is promised in vain."""
    room = Path(defects.__file__).parent
    code = "\n".join(p.read_text() for p in room.rglob("*.py") if p.name != "defects.py")
    for table in ("item", "user"):  # names that the code puts together
        code = code.replace("{table[:-1]}", table) + f'"orphan-{table}" "split-cold-{table}"'
        code += f'"duplicate-{table}-row" "conflicting-{table}-row"'
    named = set(re.findall(r'"([a-z0-9]+(?:-[a-z0-9]+)+)"', code))
    assert DEFECTS.keys() <= named
    unregistered = (
        set(re.findall(r'(?:Finding|new_finding|found|note|reject)\(\s*"([a-z0-9-]+)"', code))
        - DEFECTS.keys()
    )
    assert not unregistered


def test_registry_is_plain_and_short() -> None:
    assert len(DEFECTS) >= 40
    for name, (severity, meaning, fix) in DEFECTS.items():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", name)
        assert severity in ("error", "warning", "note")
        assert meaning and fix and len(meaning) < 80 and len(fix) < 80
        assert not meaning.endswith(".") and not fix.endswith(".")


def test_docs_list_every_defect(root: Path) -> None:
    page = (root / "docs" / "check.md").read_text(encoding="utf-8")
    assert defects.markdown() in page, (
        "docs/check.md is stale: python -m sidelight.data.defects docs/check.md"
    )
