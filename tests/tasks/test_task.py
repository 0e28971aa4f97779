"""A task written in one file, as the docs show, passes every contract test with no other file touched."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from shutil import copytree

import pytest

pytest.importorskip("torch")

EXAMPLE = '''

def example():
    """For the shared contract tests."""
    return TitleLength()
'''
RUN = """
import sys
import pytest
import sidelight.tasks

sidelight.tasks.__path__[:] = [sys.argv[1]]
sys.exit(pytest.main([sys.argv[2], "-q", "-rs", "-p", "no:cacheprovider", "-k", "title"]))
"""


def written(root: Path) -> str:
    """The last example of the page on tasks, without the line that trains with it."""
    page = (root / "docs" / "tasks.md").read_text(encoding="utf-8")
    [*_, block] = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    return block.rsplit("plain.with_tasks", 1)[0].rstrip() + "\n" + EXAMPLE


def contract(root: Path, folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """The contract tests with one more file beside the tasks."""
    tasks = copytree(root / "src" / "sidelight" / "tasks", folder / "tasks")
    (tasks / "title_length.py").write_text(text, encoding="utf-8")
    tests = root / "tests" / "tasks" / "test_contract.py"
    return subprocess.run(
        [sys.executable, "-c", RUN, str(tasks), str(tests)], cwd=root, capture_output=True, text=True
    )


@pytest.mark.slow
def test_the_example_of_the_docs_passes(root: Path, tmp_path: Path) -> None:
    text = written(root)
    assert len(text.splitlines()) <= 80
    found = contract(root, tmp_path, text)
    # Nine tests of the task, that it goes through text, and that it imports no sibling.
    assert found.returncode == 0 and "10 passed" in found.stdout, found.stdout


@pytest.mark.slow
def test_one_that_looks_at_clicks_does_not(root: Path, tmp_path: Path) -> None:
    clicks = "length = split.histories().matrix().sum(axis=0).A1"
    text = re.sub(r"length = .*", clicks, written(root), count=1)
    found = contract(root, tmp_path, text)
    assert found.returncode == 1 and "1 failed, 9 passed" in found.stdout, found.stdout
    assert "test_popularity_changes_nothing_for_tasks_without_clicks" in found.stdout
