"""`sidelight report`: a page from the folder of a comparison or its file, and one line when it cannot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from report import made_record

from sidelight.cli import main
from sidelight.report.page import page


@pytest.fixture(autouse=True)
def _warnings_stay_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main.warnings, "showwarning", main.warnings.showwarning)


@pytest.fixture
def comparison(tmp_path: Path) -> Path:
    """A folder as `sidelight compare` leaves it."""
    folder = tmp_path / "comparison"
    folder.mkdir()
    (folder / "comparison.json").write_text(json.dumps(made_record.made()), encoding="utf-8")
    return folder


def run(capfd: pytest.CaptureFixture[str], *args: str | Path) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main.run(["report", *map(str, args)])
    out, err = capfd.readouterr()
    return int(end.value.code or 0), out, err


@pytest.mark.parametrize("file", ["", "comparison.json"])
def test_a_folder_or_its_file_becomes_a_page(
    comparison: Path, file: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "pages" / "report.html"
    code, out, err = run(capfd, comparison / file, "-o", place)
    assert (code, out) == (0, "")
    assert str(place) in err and err.count("\n") == 1
    assert place.read_text(encoding="utf-8") == page(made_record.made())


def test_nothing_is_overwritten_without_force(
    comparison: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "report.html"
    place.write_text("mine")
    code, _, err = run(capfd, comparison, "-o", place)
    assert code == 1 and "--force" in err and place.read_text() == "mine"
    assert run(capfd, comparison, "-o", place, "--force")[0] == 0
    assert place.read_text(encoding="utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "JSON in UTF-8"),
        ("[]", "a JSON object; found a list"),
        ('{"kind": "model"}', "the record of a comparison; found kind 'model'"),
        ('{"kind": "comparison", "schema": 1, "finished": false}', "one that was cut off"),
        ('{"kind": "comparison", "schema": 1}', "in the record.part"),
        ("[" * 100_000, "JSON in UTF-8"),
        ("\udcff", "JSON in UTF-8"),
    ],
)
def test_a_bad_file_is_one_line(
    comparison: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], content: str, said: str
) -> None:
    (comparison / "comparison.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    code, out, err = run(capfd, comparison, "-o", tmp_path / "report.html")
    assert (code, out) == (1, "")
    assert err.startswith("sidelight: error: expected ") and said in err and err.count("\n") == 1
    assert not (tmp_path / "report.html").exists()


def test_a_place_without_a_comparison_is_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for place in (tmp_path, tmp_path / "absent"):
        code, _, err = run(capfd, place, "-o", tmp_path / "report.html")
        assert code == 1 and "comparison.json" in err and err.count("\n") == 1
