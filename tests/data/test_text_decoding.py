"""Encodings of text files."""

import pytest
from data.cases import defects, raw_of

from sidelight.errors import DataError


def test_encodings(tmp_path):
    text = "user_id,item_id,note\n1,2,café\n"
    for encoding, said in [
        ("utf-8", set()),
        ("utf-8-sig", {"byte-order-mark"}),
        ("latin-1", {"not-utf8"}),
        ("utf-16", {"not-utf8"}),
    ]:
        raw = raw_of(tmp_path, text, encoding=encoding)
        assert raw.frames["interactions"]["note"].to_list() == ["café"], encoding
        assert defects(raw) == said, encoding


@pytest.mark.parametrize("text", ["", "\n\n", "user_id,item_id\n", "user_id,item_id,x\n1,2\n"])
def test_an_empty_file_is_an_error(tmp_path, text):
    with pytest.raises(DataError, match=r"an empty file|found no row|found 2 in row 1"):
        raw_of(tmp_path, text)
