"""Responses as JSON: short ones at once, long ones in chunks, between which other threads get their turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, Final

from pydantic_core import to_json

from sidelight.serving.fair_turns import checkpoint

RUN: Final = 16  # elements of a list that are written at once


def compact(value: Any) -> bytes:
    """Write dataclasses, mappings and lists as JSON; numbers that are not finite are null. Bytes stay."""
    return value if isinstance(value, bytes) else to_json(value, inf_nan_mode="null")


def piecewise(value: Any) -> bytes:
    """Write the same bytes as `compact`, with a checkpoint after every few elements of lists.

    The writer holds the interpreter until it is done: 200 explained lists would stop every other request for
    a tenth of a second.

    Raises:
        Stopped: The client has left, or the time is over.
    """
    if is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in fields(value)}
    if isinstance(value, Mapping):
        pairs = (compact(str(name)) + b":" + piecewise(each) for name, each in value.items())
        return b"{" + b",".join(pairs) + b"}"
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return b"[" + b",".join(_elements(value)) + b"]"
    return compact(value)


def _elements(value: Sequence[Any]) -> list[bytes]:
    found: list[bytes] = []
    for start in range(0, len(value), RUN):
        checkpoint()
        run = value[start : start + RUN]
        if any(_has_list(each) for each in run):
            found += [piecewise(each) for each in run]
        else:
            found.append(compact(run)[1:-1])
    return found


def _has_list(value: Any) -> bool:
    """Check for a long list inside an element: a list in a batch has one, a row of a list does not."""
    parts = vars(value) if hasattr(value, "__dict__") else value if isinstance(value, dict) else {}
    return any(
        isinstance(each, list | tuple) and len(each) > 1 and hasattr(each[0], "__dict__")
        for each in parts.values()
    )
