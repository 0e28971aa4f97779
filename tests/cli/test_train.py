"""`sidelight train`: bundles, refits, specs, and targets that are refused."""

from __future__ import annotations

import json
import tomllib

from cli.commands import call, lines
from cli.conftest import SPEC

import sidelight as sl
from sidelight import config
from sidelight.data.split.files import read_split, write_split
from sidelight.serving.bundle import verify


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


def test_a_wrong_target_is_refused_before_the_work(bundle, shop, capfd):
    assert call("train", bundle.parent / "split", "-o", shop, "--force") == 1
    said = capfd.readouterr().err
    assert "manifest.json" in said and "neighbours" not in said


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
    other = sl.split.temporal(sl.read(_shop), validation=0.3, test=0.3)
    write_split(other, tmp_path / "other", source=_shop)
    assert call("evaluate", model, tmp_path / "other") == 1
    assert "other interactions" in capfd.readouterr().err
