"""JSON files: plain values of any object, written atomically and read with a check."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sidelight.manifest import damaged
from sidelight.target_paths import atomic_write


def plain(value: Any) -> Any:
    """Convert a value to what JSON can hold.

    Scalars and arrays of numpy are unpacked, NaN and infinity become None, dates ISO 8601 text; any other
    object becomes its text.

    Examples:
        >>> plain({1: (float("nan"), Path("a/b"))})
        {'1': [None, 'a/b']}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (str, int)):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def write_json(value: Any, path: Path) -> None:
    """Write a value as a JSON file, whole or not at all; see `plain` for what becomes of its parts."""
    text = json.dumps(plain(value), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    with atomic_write(path) as fresh:
        fresh.write_text(text, encoding="utf-8", newline="\n")


def read_json(path: Path, what: str, *names: str) -> dict[str, Any]:
    """Return the object in a JSON file, which must have the given names.

    Raises:
        BundleError: No such file, or other contents.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise damaged(path, f"the file of {what}", str(error)) from None
    if not isinstance(found, dict) or any(name not in found for name in names):
        raise damaged(path, f"the file of {what}", "something else")
    return found
