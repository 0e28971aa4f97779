"""Warnings of a fit as part of its run: collected once, repeated where the run is loaded."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sidelight.experiment.column_leaks import LeakWarning
from sidelight.models.content_space import LateContentWarning

Note = dict[str, str]
"""{"kind": "leak" or "fit", "text": one line}."""

_FOR_DEVELOPERS = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)


class FitWarning(UserWarning):
    """Warning of a fit of a comparison."""


def note_warning(text: object, kind: type[Warning] = LeakWarning) -> Note:
    """Return a warning as plain JSON values."""
    leak = issubclass(kind, (LeakWarning, LateContentWarning))
    return {"kind": "leak" if leak else "fit", "text": " ".join(str(text).split())}


@contextmanager
def collect_warnings() -> Iterator[list[Note]]:
    """Collect the warnings of a block, each text once; those for developers are issued as usual."""
    found: list[Note] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield found
    for each in caught:
        if issubclass(each.category, _FOR_DEVELOPERS):
            warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)
        elif (one := note_warning(each.message, each.category)) not in found:
            found.append(one)


def repeat_warnings(arm: str, notes: Sequence[Note]) -> None:
    """Issue the collected warnings of an arm again."""
    for one in notes:
        kind = LeakWarning if one["kind"] == "leak" else FitWarning
        warnings.warn(f"{arm}: {one['text']}", kind, stacklevel=3)
