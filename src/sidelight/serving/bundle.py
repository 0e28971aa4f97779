"""Bundles: a fitted model as a folder that is checked before anything in it is used.

Serving needs the arrays and the manifest, nothing that trained them: no torch, no pickle.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sidelight.errors import BundleError, complain
from sidelight.manifest import kind_of, next_command, read_manifest
from sidelight.option_types import check_call
from sidelight.storage import read_folder

if TYPE_CHECKING:
    from sidelight.models.recommender import Recommender


def save(
    model: Recommender,
    path: str | Path,
    metrics: Mapping[str, float] | None = None,
    force: bool = False,
    people: bool = True,
) -> Path:
    """Write a fitted model as a bundle, whole or not at all.

    Args:
        model: The fitted model.
        path: Folder to make.
        metrics: What it measured, by dotted name ("cold.ndcg@20"); NaN and infinity become null.
        force: Replace a bundle that is there already.
        people: Store user ids, histories and attributes of users, see `Recommender.save`.
    """
    check_call(save, {"model": model, "path": path, "force": force, "people": people})
    return model.save(path, force=force, metrics=metrics, people=people)


def load(path: str | Path, verify: bool = True) -> Recommender:
    """The model in a bundle.

    Args:
        path: Folder that `save` made.
        verify: Hash every file first, and see that arrays are finite and fit each other. False trusts the
            disk and checks names and sizes only.

    Raises:
        BundleError: A file is missing, damaged or of another version, or this is no model.
    """
    check_call(load, locals())
    from sidelight.models.recommender import Recommender
    from sidelight.serving.array_checks import AGAIN, check_loaded

    if (found := kind_of(path)) in ("a split", "an evaluation", "a comparison", "tables"):
        raise BundleError(complain("a model", found, str(path), next_command(path, "train")))
    arrays, meta, files = read_folder(path, verify=verify)
    if "scorer" not in meta:
        raise BundleError(
            complain("a model", "another kind of folder", str(path), next_command(path, "train"))
        )
    try:
        model = Recommender.from_arrays(arrays, meta, files)
        if verify:
            check_loaded(model, str(path))
    except (BundleError, OSError, MemoryError):
        raise
    except Exception as error:  # what the parts of a model raise when their arrays do not fit
        found = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise BundleError(complain("the arrays of a model", found, str(path), AGAIN)) from error
    return model


def verify(path: str | Path) -> dict[str, Any]:
    """Check every file of a bundle against its hash, and give its manifest.

    Returns:
        schema_version, created, packages, files (sha256 and bytes each) and meta (spec, data
        fingerprint, metrics).
    """
    check_call(verify, locals())
    return read_manifest(path, verify=True)
