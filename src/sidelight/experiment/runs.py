"""Runs of a comparison: one arm fitted with one seed on one share of the clicks, evaluated and saved."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sidelight.errors import DataError, SpecError, complain
from sidelight.evaluation.result import Evaluation
from sidelight.experiment.arms import spec_diff
from sidelight.experiment.record_schema import ABSENT, KIND, SCHEMA
from sidelight.json_files import plain, read_json, write_json
from sidelight.target_paths import atomic_write, check_room

RUNS, TUNING, CHECKPOINTS, RECORD = "runs", "tuning", "checkpoints", "comparison.json"
_ABOUT, _EVALUATION = "run.json", "evaluation"
WARNINGS = "warnings"
# Fields that must be equal for a run on disk to stand for a requested one.
IDENTITY = (
    "spec_hash", "seed", "keep", "data", "division", "part", "ks", "metrics", "groups",
    "history", "thin_validation",
)  # fmt: skip
_NAMES = {"spec_hash": "spec", "data": "data set", "ks": "cut-offs"}


@dataclass(frozen=True, eq=False)
class Run:
    """Result of one fit.

    Args:
        evaluation: Evaluation of the fitted model.
        about: Plain JSON values. `IDENTITY`: hash of the spec, seed, keep, data fingerprint, hash
            of the split, part, cut-offs, metrics, groups, history, whether validation was thinned
            with training. Besides: spec, how the split was made, versions of packages, seconds of
            fitting, training and validation events, trace (weights by update, validation by
            epoch), exposure and relevance of cold items, lists of some users, and warnings.
    """

    evaluation: Evaluation
    about: dict[str, Any]

    def save(self, place: Path) -> None:
        """Write the folder, whole or not at all."""
        with atomic_write(place, one_writer=True) as fresh:
            self.evaluation.save(fresh / _EVALUATION)
            write_json(self.about, fresh / _ABOUT)

    @classmethod
    def load(cls, place: Path) -> Run:
        """Load the run that `save` wrote.

        Raises:
            BundleError: The folder is damaged.
        """
        about = _about(place)
        return cls(Evaluation.load(place / _EVALUATION), about)


def check_same_run(wanted: Mapping[str, Any], place: Path) -> None:
    """Refuse a folder that holds another run than the requested one.

    Args:
        wanted: `IDENTITY` and the spec.
        place: Folder that `Run.save` wrote.

    Raises:
        DataError: It is another one; the message says what differs.
    """
    found = _about(place, "spec")
    lines = [_difference(name, found, wanted) for name in IDENTITY if found[name] != plain(wanted[name])]
    if lines:
        fix = "give another folder, remove this one, or start anew (force)"
        raise DataError(complain("the run that is asked for", "; ".join(lines), str(place), fix))


def _about(place: Path, *more: str) -> dict[str, Any]:
    needed = (name for name in (*IDENTITY, *more) if name not in ABSENT)
    return {**ABSENT, **read_json(place / _ABOUT, "a run", *needed)}


def _difference(name: str, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    title = _NAMES.get(name, name)
    if name == "spec_hash":
        return f"one with another spec ({', '.join(spec_diff(wanted['spec'], found['spec'])[:3])})"
    if name == "division":
        return "one of another division (parts, candidates, cold items, histories), or of an earlier version"
    if name == "data":
        return f"one of another {title}"
    if name == "thin_validation":
        return f"one with validation {'thinned as training is' if found[name] else 'left whole'}"
    return f"one with {title} {found[name]!r} instead of {plain(wanted[name])!r}"


def run_name(arm: str, keep: float, seed: int) -> str:
    """Return the name of a run's folder."""
    return f"{quote(arm, safe=' ,')}-{keep:g}-{seed}"


def begin(folder: str | Path, force: bool = False, asked: Mapping[str, Sequence[Any]] | None = None) -> Path:
    """Return the folder of a comparison, new or to resume; refuse one that holds something else.

    Args:
        folder: Path of the folder.
        force: Remove a comparison in it, and nothing but that.
        asked: Names of "arms", "seeds" and "keeps" of the record to come: it may not hold less than an
            earlier one in the folder.

    Raises:
        SpecError: Something is there that is no comparison, or a record of more; or it cannot be written to.
    """
    root = Path(folder)
    check_room(root)
    there = _is_comparison(root)
    if root.exists() and not there and not (root.is_dir() and not any(root.iterdir())):
        fix = "choose another folder"
        raise SpecError(complain("a new folder, or one of a comparison", "something else", str(root), fix))
    if there and not force and asked is not None:
        _need_no_more(root, asked)
    for place in (root / name for name in (RUNS, TUNING, CHECKPOINTS, RECORD) if there and force):
        if place.is_dir():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
    if not (root / RECORD).exists():
        # Marks the folder as ours from the first moment; the record takes its place at the end.
        write_json({"kind": KIND, "schema": SCHEMA, "finished": False}, root / RECORD)
    return root


def _need_no_more(root: Path, asked: Mapping[str, Sequence[Any]]) -> None:
    """Refuse to replace a finished record by one of fewer arms, seeds or shares."""
    head = read_json(root / RECORD, "a comparison")
    has = {name: head.get(name, []) for name in asked}
    has["arms"] = [arm["name"] for arm in has.get("arms", [])]
    lost = [f"{name} {value!r}" for name, given in has.items() for value in given if value not in asked[name]]
    if lost:
        fix = "name these too, give another folder, or start anew (force; command line: --force)"
        found = f"a record that has {', '.join(lost[:3])}{', ...' if len(lost) > 3 else ''} as well"
        raise SpecError(complain("a folder whose record is not of more", found, str(root), fix))


def _is_comparison(root: Path) -> bool:
    try:
        return bool(json.loads((root / RECORD).read_text(encoding="utf-8"))["kind"] == KIND)
    except (OSError, ValueError, KeyError, TypeError):
        return False
