"""Schema of the record: the writer's output passes, a record of an earlier version too."""

from __future__ import annotations

import copy
import json

import pytest
from experiment.made_arms import ARMS

import sidelight as sl
from sidelight.errors import DataError
from sidelight.experiment.record_schema import ABOUT, ABSENT, HEAD, TABLES, check_record


@pytest.fixture(scope="module")
def written(split: sl.Split) -> dict[str, object]:
    return json.loads(json.dumps(sl.compare(split, ARMS, seeds=1, ks=(20,)).to_dict()))


def test_what_is_written_has_the_fields_of_the_schema(written: dict[str, object]) -> None:
    assert set(HEAD) | set(TABLES) <= set(written)
    for table, fields in TABLES.items():
        assert all(set(fields) <= set(entry) for entry in written[table]), table
    before = copy.deepcopy(written)
    check_record(written)
    assert written == before, "nothing had to be filled in"


def test_a_record_of_an_earlier_version_is_filled_in(written: dict[str, object]) -> None:
    old = {name: value for name, value in written.items() if name not in (*ABSENT, "against")}
    old["runs"] = [{**run} for run in old["runs"]]
    for run in old["runs"]:
        del run["megabytes"], run["milliseconds"]
    check_record(old)
    assert old["warnings"] == old["sensitive"] == old["against"] == []
    assert set(ABSENT) <= set(ABOUT)


@pytest.mark.parametrize("field", [name for name, kind in HEAD.items() if not kind.endswith("*")])
def test_a_field_that_must_be_there_is_named(written: dict[str, object], field: str) -> None:
    with pytest.raises(DataError, match=rf"found nothing; in the record\.{field};"):
        check_record({name: value for name, value in written.items() if name != field})
