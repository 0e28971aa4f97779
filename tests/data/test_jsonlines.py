"""JSON lines and arrays."""

from data.cases import raw_of

from sidelight.data.read import read_raw


def test_json_array_and_nested_objects(tmp_path):
    path = tmp_path / "items.json"
    path.write_text('[{"item_id": 1, "more": {"a": 1}, "big": 123456789012345678901}, {"item_id": 2}]')
    events = tmp_path / "e.jsonl"
    events.write_text('{"user_id": 1, "item_id": 1}\n')
    raw = read_raw(interactions=events, items=path)
    assert raw.frames["items"]["more"].to_list() == ['{"a": 1}', None]


def test_bad_json_lines(tmp_path):
    lines = [
        '{"user_id": 1, "item_id": "a", "weight": 2}',
        "",
        "{oops",
        '{"user_id": "x", "item_id": "b", "weight": NaN}',
    ]
    raw = raw_of(
        tmp_path, "\n".join([*lines, "[1, 2]", '{"user_id": 2.0, "item_id": "c", "weight": 1}']), "e.jsonl"
    )
    aside = raw.quarantine.sort("row")
    assert aside.select("row", "defect").rows() == [
        (2, "bad-json-line"),
        (3, "nonfinite-weight"),
        (4, "bad-json-line"),
    ]
    assert aside["content"][0] == '"{oops"'
    assert raw.frames["interactions"].select("user_id", "__row__").rows() == [("1", 1), ("2.0", 5)]
