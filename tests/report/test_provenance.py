"""Provenance: values of the record in readable form, and every figure once."""

from __future__ import annotations

from report import made_record

from sidelight.report.load_record import load_record
from sidelight.report.provenance import provenance


def test_values_are_readable() -> None:
    record = made_record.made()
    record["data"] = {"n_rows": 1234567, "density": 0.00123, "timed": True, "note": None, "few": 12}
    found = dict(provenance(load_record(record))["data"])
    assert found == {
        "n rows": "1,234,567",
        "density": "0.123 %",
        "timed": "yes",
        "note": "\u2013",
        "few": "12",
    }


def test_every_figure_and_difference_is_in_one_table() -> None:
    record = made_record.few()
    tables = provenance(load_record(record))["numbers"]
    assert sum(table["count"] for table in tables) == len(record["figures"])
    assert sum(len(table["differences"]) for table in tables) == len(record["differences"])


def test_the_history_is_named_for_the_test_part_alone() -> None:
    record = made_record.made() | {"history": "train+validation", "part": "test"}
    assert provenance(load_record(record))["history"] == "train and validation"
    assert provenance(load_record(record | {"part": "validation"}))["history"] == ""
