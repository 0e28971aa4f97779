"""`sidelight evaluate` on the made-up shop: what it prints, records, refuses and writes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import sidelight as sl
from sidelight.cli import main
from sidelight.data.split.files import read_split, write_split
from sidelight.evaluation import Evaluation, evaluate


@pytest.fixture(scope="session")
def made(_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with split/, other/ (another split of the same data), model/ and popular/."""
    folder = tmp_path_factory.mktemp("evaluated")
    data = sl.read(_shop)
    split = sl.split.temporal(data)
    write_split(split, folder / "split", source=_shop)
    write_split(sl.split.leave_last_out(data), folder / "other", source=_shop)
    sl.ContentKNN(content=(sl.Text("title"),)).fit(split).save(folder / "model")
    sl.Popular().fit(split).save(folder / "popular")
    return folder


def run(capfd: pytest.CaptureFixture[str], *args: str | Path) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as end:
        main.run(["evaluate", *map(str, args)])
    out, err = capfd.readouterr()
    return int(end.value.code or 0), out, err


def records(out: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in out.splitlines()]


def figures(out: str) -> dict[str, float]:
    return {line["name"]: line["value"] for line in records(out) if line["record"] == "figure"}


@pytest.fixture(autouse=True)
def _warnings_stay_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main.warnings, "showwarning", main.warnings.showwarning)


def test_the_table_shows_slices_lists_and_groups(made: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capfd, made / "model", made / "split", "--group", "item:brand", "-k", "5")
    assert code == 0, err
    assert out.startswith("validation part")
    for word in ("cold", "warm", "overall", "ndcg@5", "cold_slots@5", "diversity@5", "item:brand=Fernhill"):
        assert word in out, word
    assert "evaluate: " in err and "%" not in out


def test_json_and_the_folder_say_what_evaluate_gives(
    made: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    args = (made / "model", made / "split", "--json", "-k", "5,3", "-o", tmp_path / "out")
    code, out, err = run(capfd, *args)
    assert code == 0, err
    about = records(out)[0]
    assert about["record"] == "evaluation" and about["part"] == "validation" and about["opened"] == 0
    found = {line["name"]: line for line in records(out)[1:]}
    saved = Evaluation.load(tmp_path / "out")
    assert saved.ks == (3, 5)
    assert {name: line["value"] for name, line in found.items()} == pytest.approx(
        saved.figures(), nan_ok=True
    )
    direct = evaluate(sl.load(made / "model"), read_split(made / "split"), ks=(3, 5))
    np.testing.assert_array_equal(direct.values["cold"]["ndcg@5"], saved.values["cold"]["ndcg@5"])
    cold = found["cold.ndcg@5"]
    assert cold["low"] <= cold["value"] <= cold["high"]
    code, _, err = run(capfd, *args)
    assert code == 1 and "--force" in err
    assert run(capfd, *args, "--force")[0] == 0


def test_against_another_model(made: Path, capfd: pytest.CaptureFixture[str]) -> None:
    args = (made / "model", made / "split", "--against", made / "popular")
    code, out, err = run(capfd, *args, "--json")
    assert code == 0, err
    found = {line["name"]: line for line in records(out) if line["record"] == "difference"}
    sides = {"cold.ndcg@20", "warm.ndcg@20", "overall.ndcg@20"}
    assert set(found) == sides | {f"user:gender={each}.ndcg@20" for each in "fm"}  # a sensitive column
    mine = figures(out)
    theirs = figures(run(capfd, made / "popular", made / "split", "--json")[1])
    for name, line in found.items():
        assert line["difference"] == pytest.approx(mine[name] - theirs[name])
        assert line["p"] <= line["p_holm"]
    _, out, _ = run(capfd, *args)
    assert "the same users" in out and "p_holm" in out


def test_every_cut_off_is_shown(made: Path, capfd: pytest.CaptureFixture[str]) -> None:
    shown = []
    for name in ("--ks", "--k", "-k"):
        code, out, err = run(capfd, made / "model", made / "split", name, "5,30,10", "--group", "item:brand")
        assert code == 0, err
        for k in (5, 10, 30):
            assert all(f"{word}@{k} " in out for word in ("recall", "ndcg", "coverage", "exposure")), k
        shown.append(out)
    assert len(set(shown)) == 1


def test_the_history_of_the_test_part_can_be_chosen(
    made: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    line = (made / "model", made / "split", "--final", "--log", tmp_path / "log.jsonl")
    found = {}
    for name, more in {"default": (), "both": ("train+validation",), "train": ("train",)}.items():
        code, out, err = run(capfd, *line, *(("--history", *more) if more else ()), "--json")
        assert code == 0, err
        found[name] = records(out)[0]["history"], figures(out)["warm.ndcg@20"]
    assert found["default"] == found["both"] and found["both"][0] == "train+validation"
    assert found["train"][0] == "train" and found["train"][1] != found["both"][1]
    assert "histories: train\n" in run(capfd, *line, "--history", "train")[1].replace(";", "\n")
    code, _, err = run(capfd, made / "model", made / "split", "--history", "train+validation")
    assert code == 1 and "for the validation part" in err
    assert run(capfd, *line, "--history", "everything")[0] == 2


@pytest.mark.parametrize("parts", [("train", "valid", "test"), ("train", "train", "test")])
def test_a_published_split_with_or_without_validation(
    shop: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], parts: tuple[str, ...]
) -> None:
    """From the file to the figures, on the command line and from Python alike."""
    log, rank = pl.read_csv(shop / "interactions.csv"), pl.col("timestamp").rank("ordinal", descending=True)
    last = pl.when(rank.over("user_id") == 1).then(pl.lit(parts[2]))
    last = last.when(rank.over("user_id") == 2).then(pl.lit(parts[1])).otherwise(pl.lit(parts[0]))
    log.with_columns(split=last).write_csv(tmp_path / "parts.csv")
    (tmp_path / "spec.toml").write_text('use = "ItemKNN"\n')
    folder, model, opened = tmp_path / "split", tmp_path / "model", tmp_path / "log.jsonl"

    def call(*args: str | Path) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main.run([str(arg) for arg in args])
        return int(end.value.code or 0), *capfd.readouterr()

    assert call("split", shop, "-o", folder, "--file", tmp_path / "parts.csv")[0] == 0
    assert call("train", folder, "-o", model, "--spec", tmp_path / "spec.toml")[0] == 0
    split = sl.split.published(sl.read(shop), tmp_path / "parts.csv")
    fitted = sl.ItemKNN().fit(split)
    code, out, err = call("evaluate", model, folder, "--json", "--ks", "5,20")
    if parts[1] == "valid":
        assert code == 0, err
        for name, value in evaluate(fitted, split, ks=(5, 20)).figures().items():
            assert figures(out)[name] == pytest.approx(value, nan_ok=True), name
    else:
        assert code == 1 and err.count("\n") == 1 and "--final" in err
        with pytest.raises(sl.SidelightError, match="final=True"):
            evaluate(fitted, split)
    code, out, err = call("evaluate", model, folder, "--json", "--ks", "5,20", "--final", "--log", opened)
    assert code == 0, err
    direct = evaluate(fitted, split, part="test", final=True, ks=(5, 20), log=opened)
    assert records(out)[0]["history"] == direct.info["history"] == split.test_history
    assert split.test_history == ("train+validation" if parts[1] == "valid" else "train")
    for name, value in direct.figures().items():
        assert figures(out)[name] == pytest.approx(value, nan_ok=True), name


def test_final_opens_the_test_part_and_counts(
    made: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log.jsonl"
    for count in (1, 2):
        code, out, err = run(capfd, made / "model", made / "split", "--final", "--json", "--log", log)
        assert code == 0, err
        assert records(out)[0]["opened"] == count and records(out)[0]["part"] == "test"
    code, out, _ = run(capfd, made / "popular", made / "split", "--final", "--log", log)
    assert out.startswith("test part, opened 3 times")
    lines = records(log.read_text())
    assert [line["opened_before"] for line in lines] == [0, 1, 2]
    assert lines[2]["what"]["use"] == "Popular"
    assert not (made / "openings.jsonl").exists()
    run(capfd, made / "popular", made / "split", "--final")
    assert len(records((made / "openings.jsonl").read_text())) == 1


def test_a_model_of_another_split_is_refused(made: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capfd, made / "model", made / "other")
    assert (code, out) == (1, "")
    assert "fitted on the training part of this split" in err
    code, _, err = run(capfd, made / "other", made / "split")
    assert code == 1 and err.count("\n") == 1


def test_wrong_usage(made: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for wrong in ("ten", "0", "", "5,"):
        code, _, err = run(capfd, made / "model", made / "split", "-k", wrong)
        assert code == 2
        assert "cut-offs" in err or "whole numbers" in err
    code, _, err = run(capfd, made / "model", made / "split", "--group", "item:brnd")
    assert code == 1 and "did you mean 'brand'" in err
