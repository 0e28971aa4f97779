"""The record of every time a test part was opened: one JSON line each."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from sidelight import config
from sidelight.data.split.split import Split
from sidelight.errors import DataError, SpecError, complain


def describe(spec: Any) -> Any:
    """Describe a model in plain JSON values: a spec's class and options, else the class alone."""
    if isinstance(spec, (dict, list, str)):
        return spec  # a description already, e.g. the spec of a bundle whose class is of another package
    try:
        return config.to_dict(spec)
    except SpecError:
        return {config.USE: _path(spec)}


def spec_hash(spec: Any) -> str:
    """Return the sha256 of `describe(spec)` in hex; of a spec the same as `config.spec_hash`."""
    text = json.dumps(describe(spec), sort_keys=True, separators=(",", ":"), default=_path)
    return hashlib.sha256(text.encode()).hexdigest()


def _path(value: Any) -> str:
    return f"{type(value).__module__}:{type(value).__qualname__}"


def sealed_hash(split: Split) -> str:
    """Return the sha256 in hex of a split's data fingerprint and test events, which an opening names.

    Coarser than `Split.hash` on purpose: other candidates or fewer training events do not seal them again.
    """
    digest = hashlib.sha256(split.data.fingerprint.encode())
    digest.update(np.ascontiguousarray(split.sealed, dtype="<i8").tobytes())
    return digest.hexdigest()


def log_test_access(split: Split, spec: Any, log: str | Path) -> int:
    """Append one line for an opening of the test part; return the number of openings, this included.

    Written before anything is measured, so that an interrupted run counts too.

    Args:
        split: Split with the test part.
        spec: Model to evaluate: a dataclass of options, or anything that `describe` takes.
        log: JSON lines file, made when it is not there.

    Raises:
        DataError: The file holds something else than openings; nothing is counted on a guess.
    """
    path = Path(log)
    sealed = sealed_hash(split)
    # A line of an earlier version names the test events as "split".
    before = [line.get("sealed", line["split"]) for line in read_test_accesses(path)].count(sealed)
    line = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "spec": spec_hash(spec),
        "what": describe(spec),
        "data": split.data.fingerprint,
        "split": split.hash,
        "sealed": sealed,
        "how": split.how,
        "test_history": split.test_history,
        "opened_before": before,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", encoding="utf-8") as stream:
        stream.write(json.dumps(line, ensure_ascii=False, default=_path) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    return before + 1


def read_test_accesses(log: str | Path) -> list[dict[str, Any]]:
    """All recorded openings, oldest first; none when there is no file."""
    path = Path(log)
    if not path.exists():
        return []
    found = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            line = json.loads(text)
        except ValueError:
            line = None
        if not isinstance(line, dict) or "split" not in line:
            fix = "repair the line, or give another file with log="
            raise DataError(complain("a recorded opening", repr(text[:60]), f"{path}, line {number}", fix))
        found.append(line)
    return found
