import json
from datetime import date

import numpy as np
import pytest

from sidelight.errors import BundleError
from sidelight.json_files import plain, read_json, write_json


def test_arrays_dates_and_numbers_that_json_lacks_become_plain_values():
    given = {
        2: np.float32(0.5), "array": np.array([[1.0, np.nan], [np.inf, 2.0]]), "whole": np.int64(3),
        "day": date(2026, 2, 1), "pair": (True, None), "type": int,
    }  # fmt: skip
    assert plain(given) == {
        "2": 0.5, "array": [[1.0, None], [None, 2.0]], "whole": 3,
        "day": "2026-02-01", "pair": [True, None], "type": "<class 'int'>",
    }  # fmt: skip


def test_a_file_reads_back_as_what_was_written_and_only_as_what_is_asked_for(tmp_path):
    file = tmp_path / "below" / "about.json"
    write_json({"kind": "run", "values": [1, float("nan")]}, file)
    assert read_json(file, "a run", "kind") == {"kind": "run", "values": [1, None]}
    assert [each.name for each in file.parent.iterdir()] == ["about.json"]
    with pytest.raises(BundleError, match="something else"):
        read_json(file, "a run", "seed")
    file.write_text(json.dumps([1]), encoding="utf-8")
    with pytest.raises(BundleError, match="the file of a run"):
        read_json(file, "a run")
    with pytest.raises(BundleError):
        read_json(tmp_path / "absent.json", "a run")
