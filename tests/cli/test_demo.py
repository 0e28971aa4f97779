"""The demo on a small draw of its shop: every claim it prints, and every command it names."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from cli.commands import installed
from cli.conftest import SMALL
from report.browser import Browser, launched

from sidelight.cli import demo_answer, demo_arms
from sidelight.cli.main import run
from sidelight.datasets import groceries as module
from sidelight.evaluation.paired_difference import differences
from sidelight.evaluation.test_access_log import read_test_accesses
from sidelight.experiment.comparison import Comparison


def call(*args: object) -> int:
    with pytest.raises(SystemExit) as end:
        run([str(each) for each in args])
    return int(end.value.code or 0)


@installed
def test_the_test_part_is_opened_once_an_arm(demo_run: tuple[Path, str]) -> None:
    place, _ = demo_run
    opened = read_test_accesses(place / demo_arms.LOG)
    specs = {each["spec_hash"] for each in Comparison.load(place / demo_arms.FOLDER).to_dict()["arms"]}
    assert len(opened) == len(demo_arms.ARMS) == len(specs)


@installed
def test_the_question_is_answered_with_the_paired_interval(demo_run: tuple[Path, str]) -> None:
    place, said = demo_run
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
    [gap] = differences(*two, names=["overall.ndcg@20"])
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
def test_the_commands_it_prints_work(demo_run: tuple[Path, str], capsys: pytest.CaptureFixture[str]) -> None:
    place, said = demo_run
    lines = [line.partition("  #")[0].partition("     ")[0].strip() for line in said.splitlines()]
    commands = [shlex.split(line)[1:] for line in lines if line.startswith("sidelight ")]
    assert [c[0] for c in commands] == ["serve", "store", "serve", "recommend"]
    for command in commands:
        extra = ["--check"] if command[0] == "serve" else []
        assert call(*command, *extra) == 0, command
        capsys.readouterr()
    assert str((place / "report.html").resolve()) in said
    assert "http://127.0.0.1:8000/" in said


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with launched(tmp_path_factory.mktemp("profile")) as found:
        yield found


@installed
def test_the_report_opens_quietly_and_shows_all_arms(demo_run: tuple[Path, str], browser: Browser) -> None:
    place, _ = demo_run
    browser.open(place / "report.html", 1280)
    assert browser.troubles() == []
    text = browser.value("document.body.textContent")
    assert [arm for arm in demo_arms.ARMS if arm not in text] == []
    inside = json.loads(browser.value("document.getElementById('record').textContent"))
    assert inside["command"] == "sidelight demo" and inside["part"] == "test"


@installed
def test_a_demo_that_is_cut_off_leaves_no_results_of_an_earlier_one(
    tmp_path: Path,
    demo_run: tuple[Path, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import shutil

    place = Path(shutil.copytree(demo_run[0], tmp_path / "again"))
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
