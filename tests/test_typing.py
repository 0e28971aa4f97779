"""A user's program passes `mypy --strict`, and a wrong one does not."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
RIGHT = """import sidelight as sl

split = sl.split.temporal(sl.read("shop/"))
spec = sl.TwoTower((sl.Text("title"),), tasks=(sl.Contrastive(),), options=sl.TrainingOptions(epochs=2))
model: sl.Recommender = sl.Blend((sl.Popular(), sl.EASE(), spec)).fit(split)
model.recommend(users=["u01"], k=5).head(3)
model.recommend(histories=[["i01"], []])
found: sl.Evaluation = sl.evaluate(model, split, ks=[10])
sl.compare(split, {"a": sl.ItemKNN(), "b": spec}, seeds=2)
sl.load("model").explain("i01", history=("i02",))
"""
WRONG = RIGHT + 'sl.EASE(reg="x")\nmodel.recommend(k="5")\nsl.Blend((sl.Popular,))\n'


def test_names_of_the_package_are_written_out() -> None:
    tree = ast.parse((ROOT / "src/sidelight/__init__.py").read_text())
    [names] = [
        n.value for n in tree.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "__all__"
    ]
    assert ast.literal_eval(names)
    assert (ROOT / "src/sidelight/py.typed").exists()


@pytest.mark.slow
def test_mypy_passes_for_a_user(tmp_path: Path) -> None:
    for name, text in (("right", RIGHT), ("wrong", WRONG)):
        (tmp_path / f"{name}.py").write_text(text)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", str(ROOT / "pyproject.toml")]
    command += ["--cache-dir", str(ROOT / ".mypy_cache")]
    ran = subprocess.run(
        [*command, str(tmp_path / "right.py"), str(tmp_path / "wrong.py")],
        cwd=tmp_path, env={**os.environ, "MYPYPATH": str(ROOT / "src")}, capture_output=True, text=True,
    )  # fmt: skip
    errors = [line for line in ran.stdout.splitlines() if ": error:" in line]
    lines = len(RIGHT.splitlines())
    places = [int(line.split(":")[1]) for line in errors]
    assert places == [lines + 1, lines + 2, lines + 3], ran.stdout + ran.stderr
    assert all("wrong.py" in line for line in errors)
