"""`train`, `recommend` and `similar` as a person at a terminal uses them."""

from __future__ import annotations

import json
import tomllib

import pytest

import sidelight as sl
from sidelight import config
from sidelight.cli.main import run
from sidelight.data.split.files import read_split, write_split
from sidelight.serving.bundle import verify

SPEC = """
use = "Blend"
[[components]]
use = "Popular"
[[components]]
use = "ContentKNN"
[[components.content]]
use = "Text"
columns = ["title", "description"]
"""


@pytest.fixture(scope="module")
def bundle(_shop, tmp_path_factory):
    """A bundle trained through the command line, and its split."""
    place = tmp_path_factory.mktemp("trained")
    write_split(sl.split.automatic(sl.read(_shop)), place / "split", source=_shop)
    (place / "spec.toml").write_text(SPEC)
    assert call("train", place / "split", "-o", place / "model", "--spec", place / "spec.toml") == 0
    return place / "model"


def call(*args):
    with pytest.raises(SystemExit) as ended:
        run([str(a) for a in args])
    return ended.value.code or 0


def lines(capfd):
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]


def test_a_bundle_knows_its_spec_and_what_it_measured(bundle):
    assert sl.load(bundle).spec == config.from_dict(tomllib.loads(SPEC))
    meta = json.loads((bundle / "manifest.json").read_text())["meta"]
    assert 0 < meta["metrics"]["overall.ndcg@10"] <= 1


def test_a_refit_keeps_what_was_measured_before_it(bundle, capfd, tmp_path):
    split, spec = bundle.parent / "split", bundle.parent / "spec.toml"
    assert call("train", split, "-o", tmp_path / "model", "--spec", spec, "--refit", "--json") == 0
    assert json.loads(capfd.readouterr().out)["refitted"] is True
    plain, again = sl.load(bundle), sl.load(tmp_path / "model")
    assert again.items.refitted and not plain.items.refitted
    assert (again.people.histories.matrix() != read_split(split).histories("test").matrix()).nnz == 0
    before, after = (verify(place)["meta"] for place in (bundle, tmp_path / "model"))
    assert after["metrics"] == before["metrics"] and after["metrics"]["overall.ndcg@10"] > 0
    assert after["catalogue"]["refitted"] is True
    # On validation it would be judged by what it has learned; the test part is what is left.
    assert call("evaluate", tmp_path / "model", split) == 1
    err = capfd.readouterr().err
    assert "not seen the validation events; found one refitted" in err and err.count("\n") == 1
    log = tmp_path / "log.jsonl"
    line = ("evaluate", tmp_path / "model", split, "--final", "--log", log, "--against", bundle)
    assert call(*line) == 0
    assert "histories: train + validation" in capfd.readouterr().out


def test_a_bundle_without_people_is_measured_and_serves_histories(bundle, _shop, capfd, tmp_path):
    split, spec, model = bundle.parent / "split", bundle.parent / "spec.toml", tmp_path / "model"
    assert call("train", split, "-o", model, "--spec", spec, "--no-people") == 0
    assert sl.load(model).people is None and sl.load(bundle).people is not None
    capfd.readouterr()
    assert call("recommend", model, "--history", "i01,i02", "--json") == 0
    assert len(lines(capfd)) == 10
    assert call("recommend", model, "--user", "u01") == 1
    assert "saved without people" in capfd.readouterr().err
    assert call("evaluate", model, split) == 0
    write_split(sl.split.temporal(sl.read(_shop), 0.3, 0.3), tmp_path / "other", _shop)
    assert call("evaluate", model, tmp_path / "other") == 1
    assert "other interactions" in capfd.readouterr().err


def test_nothing_is_overwritten_without_force(bundle, capfd):
    split = bundle.parent / "split"
    assert call("train", split, "-o", bundle) == 1
    assert "--force" in capfd.readouterr().err


def test_show_prints_the_spec_and_fits_nothing(bundle, capfd, tmp_path):
    assert call("train", bundle.parent / "split", "-o", tmp_path / "m", "--show") == 0
    assert config.from_dict(tomllib.loads(capfd.readouterr().out)).components
    assert not (tmp_path / "m").exists()


def test_a_misspelt_option_in_a_spec_is_answered(bundle, capfd, tmp_path):
    (tmp_path / "s.toml").write_text('use = "EASE"\nregg = 3.0\n')
    code = call("train", bundle.parent / "split", "-o", tmp_path / "m", "--spec", tmp_path / "s.toml")
    assert code == 1
    assert "did you mean 'reg'" in capfd.readouterr().err


def test_lists_as_json_lines(bundle, capfd):
    assert call("recommend", bundle, "-u", "u01", "-u", "nobody", "-k", "3", "--json", "--why") == 0
    rows = lines(capfd)
    assert [r["rank"] for r in rows] == [1, 2, 3, 1, 2, 3]
    assert all(r["item"] and r["reasons"].endswith("%)") for r in rows[:3])
    assert all(bool(r["because"]) == (r["source"] == "personal") for r in rows[:3])
    assert {r["source"] for r in rows[3:]} == {"popular:unknown-user"}
    assert {(r["because"], r["reasons"]) for r in rows[3:]} == {("", "")}


def test_a_history_of_somebody_new(bundle, capfd):
    assert call("recommend", bundle, "--history", "i01, i05", "-k", "4", "--json") == 0
    rows = lines(capfd)
    assert len(rows) == 4 and not {"i01", "i05"} & {r["item_id"] for r in rows}


def test_an_item_from_a_file_has_an_audience_at_once(bundle, capfd, tmp_path):
    new = tmp_path / "new.csv"
    new.write_text("item_id,title\nn1,sturdy tent no 81\n")
    assert call("recommend", bundle, "--add", new, "--audience", "n1", "-k", "2", "--json") == 0
    out, err = capfd.readouterr()
    rows = [json.loads(line) for line in out.splitlines()]
    assert [r["item_id"] for r in rows] == ["n1", "n1"]
    reached, users = {(r["reached"], r["users"]) for r in rows}.pop()
    assert f"n1: {reached} of {users} users would have it among the first 2" in err and reached <= users


def test_two_questions_at_once_are_refused(bundle, capfd):
    assert call("recommend", bundle, "-u", "u01", "--history", "i01") == 1
    assert "--user and --history" in capfd.readouterr().err


def test_similar_items(bundle, capfd):
    assert call("similar", bundle, "-i", "i09", "-k", "3", "--json") == 0
    assert len(lines(capfd)) == 3
    assert call("similar", bundle, "-i", "i9", "-k", "3") == 1
    assert "did you mean 'i" in capfd.readouterr().err


def test_a_damaged_bundle_is_refused(bundle, capfd, tmp_path):
    import shutil

    copy = tmp_path / "m"
    shutil.copytree(bundle, copy)
    victim = next((copy / "arrays").rglob("*.npy"))
    whole = victim.read_bytes()
    victim.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert call("recommend", copy, "-u", "u01") == 1
    assert victim.name in capfd.readouterr().err


def test_a_split_never_replaces_a_model(bundle, shop, capfd, tmp_path):
    import shutil

    copy = shutil.copytree(bundle, tmp_path / "m")
    assert call("split", shop, "-o", copy, "--force") == 1
    assert "same kind" in capfd.readouterr().err
    assert len(sl.load(copy).items) == 80


def test_a_wrong_target_is_refused_before_the_work(bundle, shop, capfd):
    assert call("train", bundle.parent / "split", "-o", shop, "--force") == 1
    said = capfd.readouterr().err
    assert "manifest.json" in said and "neighbours" not in said


def test_a_split_is_no_model(bundle, capfd):
    assert call("recommend", bundle.parent / "split", "-u", "u01") == 1
    assert "expected a model" in capfd.readouterr().err


def test_an_item_that_says_nothing_has_nobody_and_it_is_said(bundle, capfd, tmp_path):
    new = tmp_path / "new.csv"
    new.write_text("item_id,title\nn1,\n")
    assert call("recommend", bundle, "--add", new, "--audience", "n1", "--json") == 0
    err = capfd.readouterr().err
    assert "n1: 0 of 60 users" in err and "nobody to show" in err


def test_the_audience_comes_with_reasons(bundle, capfd):
    assert call("recommend", bundle, "--audience", "i77", "-k", "2", "--why", "--json") == 0
    assert all("%" in row["reasons"] and row["place"] >= 1 for row in lines(capfd))
