"""Protocol of an evaluation: history of users, parts that may be judged, results that may be paired."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

from sidelight.data.split.split import Part, Split, TestHistory
from sidelight.errors import DataError, SpecError, complain

HISTORY = "history"
"""Key in `Evaluation.info` of the events that were the history."""


def with_history(split: Split, part: str, history: TestHistory | None) -> Split:
    """Return the split with another history for the test part, if one is given.

    Args:
        split: Holds the default history.
        part: Part to evaluate.
        history: "train", "train+validation", or None to leave it to the split.

    Raises:
        SpecError: Another value, or validation events as the history of their own part.
    """
    if history is None:
        return split
    if history not in get_args(TestHistory):
        raise SpecError(complain(f"history {' or '.join(map(repr, get_args(TestHistory)))}", repr(history)))
    if part != "test" and history != "train":
        fix = 'leave history out, or judge part="test"'
        raise SpecError(complain("history='train' for the validation part", repr(history), fix=fix))
    return replace(split, test_history=history)


def history_of(split: Split, part: str) -> str:
    """Return the name of the events that are the history while a part is ranked."""
    return split.test_history if part == "test" else "train"


def shown_history(info: Mapping[str, Any]) -> str:
    """Format the history that an evaluation recorded; earlier versions used training events."""
    return str(info.get(HISTORY) or "train").replace("+", " + ")


def check_part(model: Any, split: Split, part: Part) -> None:
    """Refuse a validation part that has no events, or that the model was fitted on.

    Args:
        model: `Recommender.items` records whether it was refitted; any other model is taken as not
            refitted.
        split: Split to evaluate on.
        part: Part of it.

    Raises:
        DataError: There is no event to judge by, or the model has seen them.
    """
    if part != "validation":
        return
    if not len(split.validation):
        fix = 'judge the test part, once all is chosen: part="test", final=True (command line: --final)'
        raise DataError(complain("validation events", "none in this split", "evaluate", fix))
    own = getattr(model, "items", None)
    if getattr(own, "refitted", False) and getattr(own, "fingerprint", "") == split.data.fingerprint:
        raise DataError(seen_validation(f"a refitted {type(getattr(model, 'spec', model)).__name__}"))


def seen_validation(where: str) -> str:
    """Return the error line that refuses to judge a refitted model on validation."""
    fix = "judge it on the test part (final=True; command line: --final), or judge the model before its refit"
    return complain("a model that has not seen the validation events", "one refitted on them", where, fix)


def about(split: Split, part: str) -> dict[str, Any]:
    """Return the record of data, split and histories in `Evaluation.info`, as plain JSON values."""
    found = {"data": split.data.fingerprint, "how": split.how, "split": split.hash}
    return {**found, HISTORY: history_of(split, part)}


def same_protocol(a: Mapping[str, Any], b: Mapping[str, Any]) -> None:
    """Refuse to compare evaluations on different splits or with different histories.

    Args:
        a, b: `Evaluation.info` of both.

    Raises:
        DataError: They differ in their data, their `Split.hash` or their histories.
    """
    if a.get("data") != b.get("data"):
        found = " and ".join(str(info.get("data", "?"))[:12] for info in (a, b))
        raise DataError(complain("two evaluations of one part of one split", f"data {found}"))
    first, second = shown_history(a), shown_history(b)
    if first != second:
        fix = "evaluate both with the same history="
        raise DataError(complain("evaluations with the same history", f"{first} and {second}", fix=fix))
    if a.get("split") != b.get("split"):
        hashes = " and ".join(str(info.get("split", "?"))[:12] for info in (a, b))
        found = f"{hashes}: other events in a part, candidates, cold items, given histories or rules"
        fix = "evaluate both on the same split, with this version"
        raise DataError(complain("two evaluations on one split", found, fix=fix))
