"""The documentation runs: every python and bash block of README.md and docs/, page by page.

A page starts in an empty folder that holds the made-up `shop/`; its blocks run in order and share
variables and files. `<!-- no-run: REASON -->` on the line before a block leaves it out.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

import pytest

from sidelight import config

pytestmark = pytest.mark.examples
ROOT = Path(__file__).resolve().parent.parent
PAGES = [p for p in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if p.is_file()]
FENCE = re.compile(
    r"(?:^<!-- no-run: *(?P<reason>[^\n]*?) *-->\n+)?^```(?P<language>[^\n]*)\n(?P<code>.*?)^```$",
    re.M | re.S,
)
SHOWN = {"text", "json", "console", "csv", "diff"}  # to be read, not run


class Block(NamedTuple):
    language: str
    code: str
    line: int
    reason: str | None


def blocks(text: str) -> list[Block]:
    return [
        Block(m["language"], m["code"], text.count("\n", 0, m.start("code")) + 1, m["reason"])
        for m in FENCE.finditer(text)
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_the_page_runs(page: Path, shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop.parent)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    names: dict[str, object] = {"__name__": page.stem}
    for block in blocks(page.read_text(encoding="utf-8")):
        where = f"{page.name}, line {block.line}"
        if block.reason is not None:
            assert len(block.reason) > 10, f"{where}: say why it is not run"
        elif block.language == "python":
            # Blank lines in front make a traceback name the line of the page.
            code = compile("\n" * (block.line - 1) + block.code, str(page), "exec", dont_inherit=True)
            exec(code, names)
        elif block.language == "bash":
            command = ["bash", "-euo", "pipefail", "-c", block.code]
            found = subprocess.run(command, capture_output=True, text=True, check=False)
            assert found.returncode == 0, f"{where}\n{found.stdout}\n{found.stderr}"
        elif block.language == "toml":
            options = tomllib.loads(block.code)
            if config.USE in options:
                config.from_dict(options)
        else:
            assert block.language in SHOWN, f"{where}: tag the block as code that runs, or as one of {SHOWN}"


def test_links_between_pages_lead_somewhere() -> None:
    for page in PAGES:
        text = FENCE.sub("", page.read_text(encoding="utf-8"))
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
            if "://" not in target and not target.startswith("mailto:"):
                assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_blocks_are_found_with_their_marks() -> None:
    text = "a\n\n```python\nx = 1\n```\n\n<!-- no-run: needs the network -->\n\n```bash\ncurl\n```\n"
    assert blocks(text) == [
        Block("python", "x = 1\n", 4, None),
        Block("bash", "curl\n", 10, "needs the network"),
    ]
