"""The record of openings of the test part."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
from made_splits import TEST, Fixed, split_of

from sidelight.content.features import Features
from sidelight.errors import DataError, SpecError
from sidelight.evaluation.evaluate import evaluate
from sidelight.evaluation.test_access_log import read_test_accesses, sealed_hash


@dataclass(frozen=True)
class Spec:
    reg: float = 1.0


def test_the_test_part_opens_with_final_only_and_each_opening_is_recorded(shop_case, tmp_path, monkeypatch):
    split, model = shop_case
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SpecError, match="sealed"):
        evaluate(model, split, part="test")
    with pytest.raises(SpecError, match="part='test' with final=True"):
        evaluate(model, split, final=True)
    assert evaluate(model, split).opened == 0
    assert list(tmp_path.iterdir()) == []
    for count, reg in enumerate((1.0, 1.0, 2.0), start=1):
        model.spec = Spec(reg)
        assert evaluate(model, split, part="test", final=True).opened == count
    lines = [json.loads(line) for line in (tmp_path / "openings.jsonl").read_text().splitlines()]
    assert [line["opened_before"] for line in lines] == [0, 1, 2]
    assert lines[0]["spec"] == lines[1]["spec"] != lines[2]["spec"]
    assert lines[0]["data"] == "made" and lines[0]["how"] == {"rule": "made"}
    assert lines[0]["what"]["reg"] == 1.0 and lines[0]["what"]["use"].endswith(":Spec")
    other = split_of(np.roll(np.full((4, 6), TEST), 0), np.zeros(6, bool))
    model = Fixed(np.zeros((4, 6), np.float32), other.histories().matrix())
    assert evaluate(model, other, part="test", final=True).opened == 1  # another split, same log
    assert [line["split"] for line in read_test_accesses("openings.jsonl")] == [split.hash] * 3 + [other.hash]


def test_other_candidates_or_given_events_do_not_seal_the_test_part_again(shop_case, tmp_path):
    split, model = shop_case
    log = tmp_path / "log.jsonl"
    open_it = functools.partial(evaluate, model, part="test", final=True, log=log)
    open_it(split)
    lines = [{k: v for k, v in line.items() if k != "sealed"} for line in read_test_accesses(log)]
    lines[0]["split"] = sealed_hash(split)  # as an earlier version wrote it
    log.write_text(json.dumps(lines[0]) + "\n")
    assert open_it(replace(split, candidates=split.candidates & split.warm)).opened == 2
    assert open_it(replace(split, given=split.train[:1])).opened == 3


def test_a_wrong_call_is_no_opening(shop_case, tmp_path):
    split, model = shop_case
    log = tmp_path / "log.jsonl"
    final = {"part": "test", "final": True, "log": log}
    with pytest.raises(SpecError, match="did you mean 'brand'"):
        evaluate(model, split, groups=("item:brnd",), **final)
    with pytest.raises(SpecError, match="role is 'text'"):
        evaluate(model, split, groups=("item:title",), **final)
    with pytest.raises(SpecError, match="did you mean"):
        evaluate(model, split, groups=("activity",), **final)
    with pytest.raises(SpecError, match="did you mean 'ndcg'"):
        evaluate(model, split, metrics=("ndgc",), **final)
    for wrong in ({"ks": ()}, {"ks": (0,)}, {"metrics": ()}, {"block": 0}):
        with pytest.raises(SpecError):
            evaluate(model, split, **wrong, **final)
    with pytest.raises(DataError, match="content of 40 items"):
        evaluate(model, split, content=Features("x", np.ones((3, 1), np.float32), np.ones(3, bool)), **final)
    model.score = lambda histories: np.zeros((histories.shape[0], 3), np.float32)
    with pytest.raises(DataError, match="fit it on this data set"):
        evaluate(model, split, **final)
    assert not log.exists()


def test_a_damaged_log_is_not_counted_on(shop_case, tmp_path):
    split, model = shop_case
    log = tmp_path / "log.jsonl"
    log.write_text('{"split": "x"}\nhello\n')
    with pytest.raises(DataError, match="line 2"):
        evaluate(model, split, part="test", final=True, log=log)
    assert log.read_text().count("\n") == 2
