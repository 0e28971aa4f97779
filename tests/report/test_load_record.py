"""Records: a bad one is refused in one line that names the place."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest
from report import made_record

from sidelight.errors import DataError
from sidelight.report.load_record import load_record


def _without(name: str) -> Callable[[dict[str, Any]], Any]:
    return lambda record: record.pop(name)


BAD: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "kind": (lambda r: r.update(kind="model"), "the record of a comparison; found kind 'model'"),
    "schema": (lambda r: r.update(schema=2), "schema 1; found 2"),
    "unfinished": (lambda r: r.update(finished=False), "one that was cut off"),
    "arms": (_without("arms"), "two or more arms"),
    "twins": (lambda r: r["arms"].append(r["arms"][0]), "two or more arms"),
    "baseline": (lambda r: r.update(baseline="clicks onyl"), "did you mean 'clicks only'"),
    "part": (_without("part"), "a text; found nothing; in the record.part"),
    "keeps": (lambda r: r.update(keeps=[]), "shares of interactions"),
    "arm": (lambda r: r["figures"][2].update(arm="click only"), "figures[2].arm; did you mean 'clicks only'"),
    "share": (lambda r: r["figures"][2].update(keep=0.3), "in figures[2].keep"),
    "text": (lambda r: r["differences"][0].update(mean="x"), "a number; found 'x'; in differences[0].mean"),
    "entry": (lambda r: r["runs"].append(3), "an object; found a int"),
    "table": (lambda r: r.update(exposure={}), "a list; found a dict; in exposure"),
    "twice": (lambda r: r["figures"].append(r["figures"][0]), "each figure once"),
    "weights": (lambda r: r["weights"][0]["step"].pop(), "as many steps as weights"),
    "path": (lambda r: r["weights"][0]["weight"].__setitem__(0, "x"), "in weights[0].weight"),
    "lists": (lambda r: r["examples"][0]["lists"].update({"other": []}), "a list of an arm"),
    "item": (lambda r: r["examples"][0]["history"].append({}), "history[6].item"),
    "answer": (lambda r: r["answer"].update(arm="best"), "in answer.arm"),
    "value": (lambda r: r["data"].update(users={1, 2}), "plain values"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_a_bad_record_is_refused_in_one_line(what: str) -> None:
    record = copy.deepcopy(made_record.made())
    spoil, said = BAD[what]
    spoil(record)
    with pytest.raises(DataError, match=re.escape(said)) as found:
        load_record(record)
    assert "\n" not in str(found.value) and str(found.value).startswith("expected ")


@pytest.mark.parametrize("given", [None, [], "x", {}])
def test_what_is_no_record_is_refused(given: Any) -> None:
    with pytest.raises(DataError, match="the record of a comparison"):
        load_record(given)
