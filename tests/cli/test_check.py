"""`sidelight check`: report, JSON, files, exit codes."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from cli.commands import Check

from sidelight.data.defects import DEFECTS

RAGGED = "u01,i01,2025-12-01T00:00:00+00:00,too,many,fields\n"


def records(out: str) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
    """Summary, profile and findings from JSON lines."""
    summary, profile, *findings = (json.loads(line) for line in out.splitlines())
    assert [summary["record"], profile["record"]] == ["summary", "profile"]
    assert {f["record"] for f in findings} <= {"finding"}
    return summary, profile, findings


def test_an_error_gives_exit_code_one_and_rows_set_aside_are_counted(shop: Path, check: Check) -> None:
    with (shop / "interactions.csv").open("a") as file:
        file.write(RAGGED)
    out = check(shop, code=1)
    assert "1 error " in out and "1 row set aside" in out and "ragged-row" in out
    assert "interactions.csv:" in out
    assert "Add -o OUT to write them" in out
    summary, _, findings = records(check(shop, "--json", code=1))
    assert (summary["errors"], summary["rows_set_aside"]) == (1, 1)
    assert summary["set_aside_by_defect"] == {"ragged-row": 1}
    assert findings[0]["defect"] == "ragged-row" and findings[0]["quarantined"] is True


def test_rows_keep_their_numbers_through_reading_and_checking(shop: Path, check: Check) -> None:
    """Defects seen while reading and defects seen afterwards, in one folder, each at its own row."""
    header, *rows = (shop / "interactions.csv").read_text().splitlines()
    rows[3] = RAGGED.strip()
    rows[5] = ",i01,2025-12-01T00:00:00Z"
    rows[7] = "u01,i01,yesterday"
    rows[9] = "u01,i01,1850-12-01T00:00:00Z"
    rows[11] = "u01,i99,2025-12-01T00:00:00Z"
    rows[13] = rows[12]
    (shop / "interactions.csv").write_text("\n".join([header, *rows]) + "\n")
    items = (shop / "items.csv").read_text().splitlines()
    items[20] = items[20].replace(items[20].split(",")[1], "&lt;b&gt;Lamp")
    items.append(items[30])
    (shop / "items.csv").write_text("\ufeff" + "\n".join(items) + "\n", encoding="utf-8")
    summary, _, findings = records(check(shop, "--json", code=1))
    placed = {(f["defect"], f["file"], f["row"]) for f in findings}
    events = "interactions.csv"
    assert placed >= {
        ("ragged-row", events, 4), ("null-id", events, 6), ("bad-timestamp", events, 8),
        ("impossible-time", events, 10), ("orphan-item", events, 12), ("duplicate-interaction", events, 14),
        ("byte-order-mark", "items.csv", None), ("html-text", "items.csv", 20),
        ("duplicate-item-row", "items.csv", 81),
    }  # fmt: skip
    assert summary["set_aside_by_defect"] == {
        "ragged-row": 1, "null-id": 1, "bad-timestamp": 1, "impossible-time": 1, "duplicate-item-row": 1,
    }  # fmt: skip


def test_json_says_the_same_as_the_file_and_names_are_known(shop: Path, check: Check, tmp_path: Path) -> None:
    summary, profile, findings = records(check(shop, "-o", tmp_path / "out", "--json"))
    whole = json.loads((tmp_path / "out" / "check.json").read_text())
    assert whole["version"] == 1
    assert {"record": "summary", **whole["summary"]} == summary
    assert {"record": "profile", **whole["profile"]} == profile
    assert [{"record": "finding", **f} for f in whole["findings"]] == findings
    assert {f["defect"] for f in findings} <= DEFECTS.keys()
    assert all(f["severity"] != "error" for f in findings)


def test_output_folder_is_a_data_set_of_its_own(shop: Path, check: Check, tmp_path: Path) -> None:
    with (shop / "interactions.csv").open("a") as file:
        file.write(RAGGED)
    out = tmp_path / "out"
    report = check(shop, "-o", out, code=1)
    assert str(out / "quarantine.jsonl") in report.replace("\n", "")
    assert sorted(p.name for p in out.iterdir()) == ["check.json", "quarantine.jsonl", "sidelight.toml"]
    (row,) = [json.loads(line) for line in (out / "quarantine.jsonl").read_text().splitlines()]
    assert (row["file"], row["defect"], row["table"]) == ("interactions.csv", "ragged-row", "interactions")
    assert "fields" in row["content"]
    schema = tomllib.loads((out / "sidelight.toml").read_text())
    assert schema["items"]["title"]["role"] == "text"
    first, again = records(check(shop, "--json", code=1)), records(check(out, "--json", code=1))
    assert all(m["guessed"] for m in first[1]["modalities"])  # and what was written is declared
    first[1]["modalities"] = [{**m, "guessed": False} for m in first[1]["modalities"]]
    assert again[1] == first[1]
    assert again[0]["files"] == first[0]["files"]


def test_output_may_be_named_as_a_toml_file(shop: Path, check: Check, tmp_path: Path) -> None:
    check(shop, "-o", tmp_path / "deep" / "mine.toml")
    assert sorted(p.name for p in (tmp_path / "deep").iterdir()) == [
        "check.json",
        "mine.toml",
        "quarantine.jsonl",
    ]


def test_nothing_is_replaced_without_force(shop: Path, check: Check, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "check.json").write_text("mine")
    assert check(shop, "-o", out, code=1) == ""
    assert "--force" in check.err and check.err.count("\n") == 1
    assert sorted(p.name for p in out.iterdir()) == ["check.json"]
    assert (out / "check.json").read_text() == "mine"
    check(shop, "-o", out, "--force")
    assert json.loads((out / "check.json").read_text())["summary"]["errors"] == 0


def test_named_files_and_a_split(shop: Path, check: Check) -> None:
    header, *rows = (shop / "interactions.csv").read_text().splitlines()
    parts = [f"{row},{'train' if at < 400 else 'test'}" for at, row in enumerate(rows)]
    parts.append(parts[0].replace("train", "test"))
    split = shop.parent / "split.csv"
    split.write_text("\n".join([f"{header},split", *parts]) + "\n")
    args = (shop / "interactions.csv", "--items", shop / "items.csv", "--users", shop / "users.csv")
    _, profile, findings = records(check(*args, "--split", split, "--json", code=1))
    assert {m["table"] for m in profile["modalities"]} == {"items", "users"}
    (overlap,) = [f for f in findings if f["defect"] == "split-overlap"]
    assert (overlap["table"], overlap["file"], overlap["row"]) == ("split", "split.csv", len(parts))


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["nowhere"], "nowhere"),
        (["shop", "--items", "lost.csv"], "lost.csv"),
        (["shop", "--split", "shop/users.csv"], "item_id"),
        (["shop", "--split", "shop/interactions.csv"], "a column 'split'"),
    ],
)
def test_wrong_input_is_one_line(
    shop: Path, check: Check, monkeypatch: pytest.MonkeyPatch, args: list[str], expected: str
) -> None:
    monkeypatch.chdir(shop.parent)
    assert check(*args, code=1) == ""
    (line,) = [line for line in check.err.splitlines() if line.startswith("sidelight: error")]
    assert expected in line


@pytest.mark.realdata
def test_real_sets_are_checked_without_an_error(realdata: Path, check: Check) -> None:
    _, profile, findings = records(check(realdata / "citeulike-a", "--json"))
    assert (profile["n_users"], profile["n_items"], profile["n_events"]) == (5551, 16980, 204986)
    assert {"wrong-encoding", "html-text", "mostly-missing"} <= {f["defect"] for f in findings}
    movies = realdata / "ml-1m"
    files = (
        movies / "interactions.parquet",
        "--items",
        movies / "items.parquet",
        "--users",
        movies / "users.parquet",
    )
    _, profile, findings = records(check(*files, "--json"))
    assert profile["n_events"] == 1_000_209
    assert {"brief-users", "rating-as-weight", "consent-missing"} <= {f["defect"] for f in findings}
