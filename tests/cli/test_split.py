"""`sidelight split`: what it writes, what it says, what it refuses."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from sidelight.cli.main import run
from sidelight.data.split.files import read_split
from sidelight.serving.bundle import load

MARCH = "2026-03-01T00:00:00.000000Z"


class Command:
    """Runs the verb in this process and keeps what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys
        self.err = ""

    def __call__(self, *args: Any, code: int = 0) -> str:
        with pytest.raises(SystemExit) as end:
            run(["split", *map(str, args)])
        out, self.err = self.capsys.readouterr()
        assert (end.value.code or 0) == code, self.err
        return out


@pytest.fixture
def split(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    monkeypatch.setenv("COLUMNS", "120")
    return Command(capsys)


def test_the_table_counts_what_was_written(shop: Path, tmp_path: Path, split: Command) -> None:
    out = split(shop, "-o", tmp_path / "made" / "split")
    found = read_split(tmp_path / "made" / "split")  # finds the data again by itself
    rows = {line.split()[1]: line.split()[3::2] for line in out.splitlines() if line.startswith("│")}
    for part, events in (("train", found.train), ("validation", found.validation), ("test", found.sealed)):
        assert rows[part][0] == str(len(events))
    assert "temporal: validation from 20" in out and "Rule: temporal, because there are timestamps." in out
    assert "History of a user on the test part: train + validation events." in out
    assert f"{found.data.n_users} users, {found.data.n_items} items" in out
    assert "written to" in split.err and "written to" not in out


def test_json_is_one_object_without_the_rows_of_the_test(shop: Path, tmp_path: Path, split: Command) -> None:
    out = split(shop, "-o", tmp_path / "split", "--json", "--seed", 3)
    [record] = [json.loads(line) for line in out.splitlines()]
    found = read_split(tmp_path / "split")
    assert record["test"]["events"] == len(found.sealed)
    assert record["how"] == found.how and record["how"]["seed"] == 3
    assert record["written"] == str(tmp_path / "split")


@pytest.mark.parametrize(
    ("args", "rule", "option"),
    [
        (["--validation", "2026-02-01", "--test", "2026-03-01"], "temporal", ("test_from", MARCH)),
        (["--validation", ".2", "--test", "0.2"], "temporal", ("seed", 0)),
        (["--by", "leave-last-out", "--n", "2"], "leave_last_out", ("n", 2)),
        (["--by", "random", "--test", ".3"], "random_per_user", ("test", 0.3)),
        (["--by", "cold-items", "--share", ".3"], "cold_items", ("by", "random")),
        (["--by", "cold-items", "--newest", "--launch", "price"], "cold_items", ("launch", "price")),
        (["--by", "cold-items", "--warm", ".2"], "cold_items", ("warm", 0.2)),
        (["--by", "cold-users", "--history", "3", "--simulate", ".3"], "cold_users", ("simulate", 0.3)),
        (["--by", "automatic"], "temporal", ("seed", 0)),
    ],
)  # fmt: skip
def test_each_rule_takes_its_options(
    shop: Path, tmp_path: Path, split: Command, args: list[str], rule: str, option: tuple[str, Any]
) -> None:
    out = split(shop, "-o", tmp_path / "split", *args)
    how = read_split(tmp_path / "split").how
    assert how["rule"] == rule and how[option[0]] == option[1]
    assert rule in out


def test_a_published_split_is_read_from_its_file(shop: Path, tmp_path: Path, split: Command) -> None:
    events = pl.read_csv(shop / "interactions.csv").with_row_index()
    part = pl.when(pl.col("index") % 5 == 0).then(pl.lit("test")).otherwise(pl.lit("train"))
    events.with_columns(split=part).drop("index").write_csv(tmp_path / "parts.csv")
    split(shop, "-o", tmp_path / "split", "--file", tmp_path / "parts.csv")
    found = read_split(tmp_path / "split")
    assert len(found.sealed) == (len(events) + 4) // 5 and len(found.validation) == 0
    events.with_columns(split=part).drop("index")[:-1].write_csv(tmp_path / "parts.csv")
    split(shop, "-o", tmp_path / "less", "--file", tmp_path / "parts.csv", code=1)
    assert "1 of" in split.err and len(split.err.splitlines()) == 1
    split(shop, "-o", tmp_path / "less", "--file", tmp_path / "parts.csv", "--partial")


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["--n", "2"], 2, "--n has no effect with --by automatic"),
        (["--by", "random", "--file", "x"], 2, "--file has no effect with --by random"),
        (["--by", "published"], 2, "needs --file"),
        (["--by", "temporl"], 2, "temporl"),
        (["--validation", "soon"], 1, "expected validation as an ISO date"),
        (["--validation", "2030-01-01", "--test", "2031-01-01"], 1, "move the boundaries"),
        (["--by", "cold-items", "--launch", "prize", "--newest"], 1, "did you mean 'price'"),
        (["--by", "cold-items", "--share", "1.5"], 1, "share"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_written(
    shop: Path, tmp_path: Path, split: Command, args: list[str], code: int, message: str
) -> None:
    split(shop, "-o", tmp_path / "split", *args, code=code)
    assert message in " ".join(split.err.split())
    assert not (tmp_path / "split").exists()


def test_a_split_is_replaced_only_when_forced(shop: Path, tmp_path: Path, split: Command) -> None:
    split(shop, "-o", tmp_path / "split")
    split(shop, "-o", tmp_path / "split", "--by", "random", code=1)
    assert "--force" in split.err and read_split(tmp_path / "split").how["rule"] == "temporal"
    split(shop, "-o", tmp_path / "split", "--by", "random", "--force")
    assert read_split(tmp_path / "split").how["rule"] == "random_per_user"
    split(shop, "-o", shop, "--force", code=1)
    assert (shop / "interactions.csv").is_file()


def test_a_part_without_events_is_warned_of(tmp_path: Path, split: Command) -> None:
    lone = pl.DataFrame(
        {"user_id": [f"u{n}" for n in range(20)], "item_id": [f"i{n % 5}" for n in range(20)]}
    )
    lone.write_csv(tmp_path / "clicks.csv")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        split(tmp_path / "clicks.csv", "-o", tmp_path / "s")
    assert all(f"the {part} part has no event" in split.err for part in ("validation", "test"))


def test_a_fit_that_validation_cannot_judge_is_saved(tmp_path: Path, split: Command) -> None:
    rows = [f"c{n % 9},i{n % 14},{1700000000 + n * 60}" for n in range(200)]
    (tmp_path / "plays.csv").write_text("\n".join(["user_id,item_id,timestamp", *rows]))
    (tmp_path / "ease.toml").write_text('use = "EASE"')
    split(tmp_path / "plays.csv", "-o", tmp_path / "split")
    assert "validation part repeat pairs" in split.err and "test part repeat pairs" in split.err
    line = ["train", tmp_path / "split", "-o", tmp_path / "model", "--spec", tmp_path / "ease.toml"]
    with pytest.raises(SystemExit) as end:
        run([*map(str, line)])
    assert not end.value.code
    assert "saved without figures" in split.capsys.readouterr().err
    assert load(tmp_path / "model").recommend(k=2, filter_seen=False).height == 18
