"""RESULTS.md is what its sources say, and a benchmark's result says all that repeating it takes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import render
import shape

FIGURES = {
    "ease.warm.ndcg@20": 0.25,
    "ease.cold.ndcg@20": 0.0,
    "blend.cold.ndcg@20": 0.24,
    "blend.cold.recall@20": 0.37,
    "rows": 1e6,
}
INTERVALS = {"ease.warm.ndcg@20": [0.2, 0.3]}
FIELDS = [
    "name",
    "command",
    "commit",
    "date",
    "machine",
    "data",
    "figures",
    "intervals",
    "seconds",
    "peak_mb",
]


@pytest.fixture
def result(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> dict:
    monkeypatch.setattr(sys, "argv", ["demo.py", "--data", "/data/sets", "-o", "x.json", "--users", "10"])
    run = shape.start("demo", ["--data", str(tmp_path), "-o", str(tmp_path / "deep/demo.json")])
    shape.emit(
        "demo", FIGURES, INTERVALS, run.seconds(), shape.peak_mb(), run.out, {"tiny": "ab" * 32}, about="Why."
    )
    written = json.loads(run.out.read_text())
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == written
    return written


def test_results_are_up_to_date(root: Path) -> None:
    found = subprocess.run(
        [sys.executable, "benchmarks/render.py", "--check"], cwd=root, capture_output=True, text=True
    )
    assert found.returncode == 0, found.stderr


def test_a_stale_page_is_noticed(root: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(root / "benchmarks", tmp_path / "benchmarks"))
    shutil.copy(root / "README.md", tmp_path)

    def run(*args: str) -> int:
        return subprocess.run(
            [sys.executable, str(copy / "render.py"), *args], capture_output=True
        ).returncode

    assert run() == 0
    assert run("--check") == 0
    front = tmp_path / "README.md"
    for page, text in (
        (copy / "LOG.md", "Another entry.\n"),
        (front, front.read_text().replace("| EASE: clicks |", "| EASE |")),
    ):
        page.write_text(text)
        assert run("--check") == 1
        assert run() == 0
        assert run("--check") == 0
    (copy / "RESULTS.md").unlink()
    assert run("--check") == 1


def test_a_result_has_every_field_and_no_place(result: dict) -> None:
    assert set(FIELDS) <= set(result)
    assert result["command"] == (
        "python benchmarks/demo.py --data $SIDELIGHT_DATA --users 10 -o benchmarks/results/demo.json"
    )
    assert result["figures"] == FIGURES
    assert result["seconds"] >= 0
    assert result["peak_mb"] > 10
    assert {"cpu", "cores", "memory_gb", "python", "packages"} <= set(result["machine"])
    assert re.search(r'"/\w', json.dumps(result)) is None


def test_the_committed_results_have_the_one_shape(root: Path) -> None:
    for path in sorted((root / "benchmarks/results").glob("*.json")):
        found = json.loads(path.read_text())
        assert set(FIELDS) <= set(found), path
        assert found["name"] == path.stem
        script = found["command"].split()[1]
        assert (root / script).is_file() and f"{path.stem}_".startswith(f"{Path(script).stem}_")
        assert set(found["intervals"]) <= set(found["figures"])
        assert re.search(r'"/\w', path.read_text()) is None, f"{path} names a place on a machine"


def test_the_page_shows_every_figure_with_its_interval(result: dict) -> None:
    page = render.render([result], "What was tried.")
    assert "| ease | 0.250 [0.200, 0.300] |" in page
    assert "| blend | 0.240 | 0.370 |" in page
    assert "| ease | 0 |  |" in page
    assert "| rows | 1,000,000 |" in page
    assert page.index("### warm") < page.index("### cold")
    assert page.rstrip().endswith("What was tried.")
    for said in ("Why.", result["command"], result["date"], "tiny `abababab"):
        assert said in page


def test_the_page_shows_what_a_benchmark_added(result: dict) -> None:
    result |= {
        "bars": {"seconds": 20.0, "mb": 2000},
        "validation": {"ease": {"cold.ndcg@20": 0.125}, "blend": {"warm.ndcg@20": 0.5}},
        "models": {"ease": "EASE(reg=30.0, and so on until it is long)"},
    }
    page = render.render([result], "")
    assert "- bars: seconds 20, mb 2000" in page
    assert "| ease | 0.125 |  |" in page
    assert "| blend |  | 0.500 |" in page
    assert "| ease | `EASE(reg=30.0," in page


def test_one_metric_over_many_slices_is_one_table() -> None:
    figures = {f"{lib}.{metric}.difference": 2e-16 for lib in ("a", "b") for metric in ("recall", "ndcg")}
    lines = render._tables(figures, {})
    assert lines[0] == "### difference"
    assert "|  | recall | ndcg |" in lines
    assert "| b | 2.0e-16 | 2.0e-16 |" in lines


def test_wrong_results_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="without a figure"):
        shape.emit("x", {}, {"a": [0, 1]}, 0, 0, None, "synthetic")
    with pytest.raises(ValueError, match="not finite"):
        shape.emit("x", {"a": float("nan")}, {}, 0, 0, None, "synthetic")


def test_a_benchmark_without_data_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SIDELIGHT_DATA", raising=False)
    with pytest.raises(SystemExit):
        shape.start("demo", [])
    with pytest.raises(SystemExit):
        shape.start("demo", ["--data", str(tmp_path / "no")])
    assert "expected a folder" in capsys.readouterr().err
    monkeypatch.setenv("SIDELIGHT_DATA", str(tmp_path))
    assert shape.start("demo", []).data == tmp_path
    assert (
        shape.start("demo", ["--n", "3"], lambda p: p.add_argument("--n", type=int), needs_data=False).n == 3
    )


def test_lifts_are_relative_to_the_other_arm_and_marked_where_clear() -> None:
    figures, intervals = {}, {}
    pairs = {"b over a": ["b", "a"], "c over b": ["c", "b"]}
    for share, (base, gain, low, high) in {
        "100%": (0.2, 0.01, -0.01, 0.03),
        "10%": (0.05, 0.01, 0.005, 0.015),
    }.items():
        figures |= {f"shop a {share}.overall.a": base, f"shop a {share}.overall.b over a": gain}
        figures |= {f"shop a {share}.overall.b": base + gain, f"shop a {share}.overall.c": 2 * base}
        figures |= {f"shop a {share}.warm.a": 2 * base, f"shop a {share}.warm.b over a": -gain}
        intervals[f"shop a {share}.overall.b over a"] = (low, high)
        intervals[f"shop a {share}.warm.b over a"] = (-high, -low)
    figures["shop a 10%.overall.c over b"] = 0.03
    intervals["shop a 10%.overall.c over b"] = (0.03, 0.06)
    result = {
        "name": "lift", "figures": figures, "intervals": intervals, "seeds": 5,
        "command": "python x.py", "pairs": pairs,
    }  # fmt: skip
    text = "a\n<!-- lift: lift -->\nstale\n<!-- end -->\nb"
    found = render.readme(text, [result])
    assert "| shop a | all | +5.0 [-5.0, +15.0] | **+20.0** [+10.0, +30.0] |" in found
    assert "| shop a | known items | -2.5 [-7.5, +2.5] | **-10.0** [-15.0, -5.0] |" in found
    assert "c over b" not in found
    others = "\n".join(render.changes(result, "c over b", ("overall", "warm")))
    assert "| shop a | all | **+50.0** [+50.0, +100.0] |" in others and "known" not in others
    assert "new items" not in found
    assert "5 seeds" in found and "python x.py" in found and "stale" not in found
    assert render.readme(found, [result]) == found
