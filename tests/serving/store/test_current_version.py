"""The file CURRENT and the history of promotions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from serving.store.cases import refused

from sidelight.serving.store import version_files
from sidelight.serving.store.store import Store


def test_promote_and_rollback_move_through_what_served(served: Store, bundles: list[Path]) -> None:
    served.publish(bundles[0], "c")
    assert served.promote("c").current and served.show("b").previous
    assert [served.rollback().name for _ in range(2)] == ["b", "a"]
    refused(served.rollback, "served before")
    assert served.current() == served.show("a")
    served.promote("c")
    assert served.rollback().name == "a"
    events = [(each["how"], each["name"]) for each in served.history()]
    assert events == [
        ("promote", "a"), ("promote", "b"), ("promote", "c"), ("rollback", "b"), ("rollback", "a"),
        ("promote", "c"), ("rollback", "a"),
    ]  # fmt: skip
    times = [each["since"] for each in served.history()]
    assert times == sorted(times)


@pytest.mark.parametrize("content", [b"", b"a\n", b'{"format": 1}\n', b"\xff\n\xff\n"])
def test_a_damaged_current_is_an_error_with_a_way_out(
    served: Store, bundles: list[Path], content: bytes
) -> None:
    (served.root / "CURRENT").write_bytes(content)
    for call in (served.current, served.load, served.rollback, served.list, lambda: served.promote("a")):
        refused(call, "CURRENT", "remove this file")
    (served.root / "CURRENT").unlink()
    assert served.promote("a").current


def test_a_current_that_leads_out_of_the_store_is_refused(served: Store) -> None:
    path = served.root / "CURRENT"
    found = json.loads(path.read_bytes().splitlines()[0])
    found["serves"]["name"] = "../../elsewhere"
    path.write_bytes(version_files.hashed(version_files.packed(found)))
    refused(served.current, "'../../elsewhere'")


def test_a_half_written_line_of_the_history_is_cut_off(served: Store) -> None:
    log = served.root / "history.jsonl"
    whole = served.history()
    with log.open("ab") as stream:
        stream.write(b'{"name": "b", "si')
    assert served.history() == whole
    served.rollback()
    assert [each["name"] for each in served.history()] == ["a", "b", "a"]
    assert b"si{" not in log.read_bytes()
