"""Answers as JSON: short ones at once, long ones in pieces between which other threads get their turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, Final

from pydantic_core import to_json

from sidelight.serving.fair_turns import checkpoint

RUN: Final = 16  # elements of a list that are written at once


def compact(made: Any) -> bytes:
    """JSON of dataclasses, mappings and lists; numbers that are not finite become null. Bytes stay."""
    return made if isinstance(made, bytes) else to_json(made, inf_nan_mode="null")


def piecewise(made: Any) -> bytes:
    """The same bytes as `compact`, with a checkpoint every few elements of lists.

    The writer holds the interpreter until it is done: 200 lists with reasons would stop every other
    request for a tenth of a second.

    Raises:
        Stopped: Nobody waits for the answer any more.
    """
    if is_dataclass(made) and not isinstance(made, type):
        made = {field.name: getattr(made, field.name) for field in fields(made)}
    if isinstance(made, Mapping):
        pairs = (compact(str(name)) + b":" + piecewise(value) for name, value in made.items())
        return b"{" + b",".join(pairs) + b"}"
    if isinstance(made, Sequence) and not isinstance(made, str | bytes):
        return b"[" + b",".join(_elements(made)) + b"]"
    return compact(made)


def _elements(made: Sequence[Any]) -> list[bytes]:
    found: list[bytes] = []
    for start in range(0, len(made), RUN):
        checkpoint()
        run = made[start : start + RUN]
        if any(_has_list(each) for each in run):
            found += [piecewise(each) for each in run]
        else:
            found.append(compact(run)[1:-1])
    return found


def _has_list(made: Any) -> bool:
    """Whether an element holds a longer list of its own: a list in a batch does, a row of a list does not."""
    held = (
        vars(made).values() if hasattr(made, "__dict__") else made.values() if isinstance(made, dict) else ()
    )
    return any(
        isinstance(each, list | tuple) and len(each) > 1 and hasattr(each[0], "__dict__") for each in held
    )
