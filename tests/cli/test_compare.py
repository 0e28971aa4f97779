"""`sidelight compare` on the made-up shop: what it prints, keeps, goes on with and refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import sidelight as sl
from sidelight import config
from sidelight.cli import main
from sidelight.data.split.files import write_split

TITLE = (sl.Text("title", min_df=1),)
SPECS = {
    "popular": sl.Popular(),
    "content": sl.ContentKNN(TITLE),
    "factors": sl.ALS(dim=4, epochs=2),
}


@pytest.fixture(scope="session")
def _made(_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compared")
    write_split(sl.split.temporal(sl.read(_shop)), folder / "split", source=_shop)
    for name, spec in SPECS.items():
        (folder / f"{name}.toml").write_text(config.dump(spec))
    return folder


@pytest.fixture
def made(_made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with split/ and specs; warnings stay errors although the command shows them."""
    monkeypatch.setattr(main.warnings, "showwarning", main.warnings.showwarning)
    return _made


def run(capfd: pytest.CaptureFixture[str], *args: str | Path) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main.run(["compare", *map(str, args)])
    out, err = capfd.readouterr()
    return int(end.value.code or 0), out, err


def arms(made: Path, *names: str) -> tuple[Path, ...]:
    return (made / "split", *(made / f"{name}.toml" for name in names))


def test_it_prints_a_table_and_keeps_the_record(
    made: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["bin/sidelight", "compare", "split/", "a.toml"])
    code, out, err = run(capfd, *arms(made, *SPECS), "-o", tmp_path / "c", "--seeds", "2", "--keep", "1,0.5")
    assert code == 0, err
    assert out.startswith("validation part, 2 seeds; ndcg@20")
    for word in (*SPECS, "minus popular", "0.5 of the clicks", "With 'content', NDCG@20 of the one list"):
        assert word in out, word
    found = json.loads((tmp_path / "c" / "comparison.json").read_text())
    assert [arm["name"] for arm in found["arms"]] == list(SPECS)
    assert found["baseline"] == "popular" and found["keeps"] == [1.0, 0.5]
    assert found["command"] == "sidelight compare split/ a.toml"
    assert sl.Comparison.load(tmp_path / "c").to_dict() == found
    assert "comparison.json" in err
    assert (tmp_path / "c" / "report.html").is_file() or "no page: " in err


def test_the_same_line_again_fits_nothing(
    made: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = (*arms(made, "popular", "content"), "-o", tmp_path / "c", "--seeds", "1")
    first = run(capfd, *line)
    fit = sl.Popular.fit

    def refused(*_: Any) -> None:
        raise AssertionError("fitted again")

    monkeypatch.setattr(sl.Popular, "fit", refused)
    code, out, err = run(capfd, *line)
    assert (code, out) == (0, first[1]), err
    code, _, err = run(capfd, *line, "-k", "5")
    assert code == 1 and "cut-offs [10, 20] instead of [5]" in err
    code, _, err = run(capfd, *line, "--force")
    assert code == 1 and "fitted again" in err
    monkeypatch.setattr(sl.Popular, "fit", fit)
    run(capfd, *line)
    assert run(capfd, *line, "--keep", "2", "--force")[0] == 1
    assert len(list((tmp_path / "c" / "runs").iterdir())) == 2, "a wrong option costs no runs"
    code, _, err = run(capfd, *line, "-k", "5", "--force")
    assert code == 0, err


def test_json_lines(made: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    line = (*arms(made, "popular", "content"), "-o", tmp_path / "c", "--seeds", "1", "-k", "5,3")
    code, out, err = run(capfd, *line, "--json")
    assert code == 0, err
    lines = [json.loads(text) for text in out.splitlines()]
    assert lines[0]["record"] == "comparison" and lines[0]["metric"] == "ndcg@5"
    assert {each["record"] for each in lines[1:]} == {"figure", "difference"}
    for each in lines[1:]:
        if each["record"] == "difference":
            assert each["arm"] == "content" and each["low"] <= each["mean"] <= each["high"]


def test_final_opens_the_test_part_once_a_run(
    made: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    line = (*arms(made, "popular", "factors"), "-o", tmp_path / "c", "--seeds", "2", "--final")
    for _ in range(2):
        code, out, err = run(capfd, *line)
        assert code == 0, err
        assert out.startswith("test part, histories: train + validation, 2 seeds")
        assert len((made / "openings.jsonl").read_text().splitlines()) == 3


def test_ablate_makes_the_arms(made: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    options = sl.TrainingOptions(epochs=1, batch_size=32, min_steps=2, task_items=20)
    towers = sl.TwoTower(TITLE, dim=4, options=options).with_tasks(sl.Reconstruction(), sl.Decorrelation())
    (tmp_path / "towers.toml").write_text(config.dump(towers))
    line = (made / "split", "--ablate", tmp_path / "towers.toml", "-o", tmp_path / "c", "--seeds", "1")
    code, out, err = run(capfd, *line)
    assert code == 0, err
    for word in ("primary only", "all tasks", "without reconstruction", "With auxiliary tasks"):
        assert word in out, word
    code, _, err = run(capfd, *line, made / "popular.toml")
    assert code == 2 and "both" in err
    code, _, err = run(capfd, made / "split", "--ablate", made / "popular.toml")
    assert code == 1 and "found a Popular" in err


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (("popular",), 2, "two specs or more"),
        ((), 2, "two specs or more"),
        (("popular", "popular"), 2, "'popular' twice"),
        (("popular", "content", "--keep", "half"), 2, "shares with commas"),
        (("popular", "content", "-k", "ten"), 2, "whole numbers"),
        (("popular", "content", "--keep", "2"), 1, "in argument 'keep'"),
        (("popular", "content", "--seeds", "0"), 2, "--seeds"),
    ],
)
def test_wrong_usage(
    made: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    names = [made / f"{each}.toml" if each in SPECS else each for each in options]
    found, out, err = run(capfd, made / "split", *names, "-o", tmp_path / "c")
    assert (found, out) == (code, "")
    assert said in err
    assert not (tmp_path / "c" / "runs").exists()
