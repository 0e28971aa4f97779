"""Bundles: a fitted model as a folder that is checked before anything in it is used.

Serving needs the arrays and the manifest, nothing that trained them: no torch, no pickle.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sidelight.errors import BundleError, complain
from sidelight.manifest import kind_of, next_command, read_manifest
from sidelight.models.recommender import Recommender
from sidelight.option_types import check_call
from sidelight.serving.array_checks import bundle_errors, check_loaded
from sidelight.storage import read_folder


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
        path: Folder to create.
        metrics: Measured values by dotted name ("cold.ndcg@20"); NaN and infinity become null.
        force: Replace an existing bundle.
        people: Store user ids, histories and attributes of users, see `Recommender.save`.
    """
    check_call(save, {"model": model, "path": path, "force": force, "people": people})
    return model.save(path, force=force, metrics=metrics, people=people)


def load(path: str | Path, verify: bool = True) -> Recommender:
    """Load the model in a bundle.

    Args:
        path: Folder that `save` wrote.
        verify: Hash every file first, and check that arrays are finite and fit each other. False trusts the
            disk and checks names and sizes only.

    Raises:
        BundleError: A file is missing, damaged or of another version, or the folder holds no model.

    Examples:
        >>> import sidelight as sl
        >>> from sidelight.data.synthetic import make_synthetic
        >>> split = sl.split.temporal(make_synthetic(40, 60, 600, seed=1).data)
        >>> _ = sl.EASE().fit(split).save("model")
        >>> sl.load("model").similar([3], k=2).height
        2
    """
    check_call(load, locals())
    if (found := kind_of(path)) in ("a split", "an evaluation", "a comparison", "tables"):
        raise BundleError(complain("a model", found, str(path), next_command(path, "train")))
    arrays, meta, files = read_folder(path, verify=verify)
    if "scorer" not in meta:
        fix = next_command(path, "train")
        raise BundleError(complain("a model", "another kind of folder", str(path), fix))
    with bundle_errors("the arrays of a model", str(path)):
        model = Recommender.from_arrays(arrays, meta, files)
        if verify:
            check_loaded(model, str(path))
    return model


def verify(path: str | Path) -> dict[str, Any]:
    """Check every file of a bundle against its hash, and return its manifest.

    Returns:
        schema_version, created, packages, files (sha256 and bytes each) and meta (spec, data
        fingerprint, metrics).
    """
    check_call(verify, locals())
    return read_manifest(path, verify=True)
