"""One version in a store: the files in its folder, its record, and the checks that it must pass."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sidelight.errors import BundleError, SpecError, complain
from sidelight.manifest import MANIFEST, read_manifest
from sidelight.models.recommender import Recommender
from sidelight.serving.bundle import load
from sidelight.serving.responses import Version
from sidelight.serving.store import version_files as files
from sidelight.serving.store.canary import CanarySet, make_canaries, run_canaries

RECORD, CANARIES, SEAL = "version.json", "canaries.json", "version.sha256"
SEALED = (RECORD, CANARIES, MANIFEST)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


def check_name(name: str) -> str:
    """Return a name that a version may have.

    Raises:
        SpecError: It may not have it.
    """
    if not NAME.fullmatch(name):
        expected = "a name of at most 80 letters, digits and '._-' that starts with a letter or digit"
        raise SpecError(complain(expected, repr(name), "the store"))
    return name


def fill(part: Path, bundle: Path | str | Recommender, name: str, note: str, people: bool = True) -> None:
    """Write a version into a new folder, checked and on disk; the caller gives the folder its name.

    Args:
        part: The new folder.
        bundle: Bundle folder or fitted model.
        name: Name of the version.
        note: Remark of the publisher.
        people: False leaves out everything that is stored per user, see `Recommender.save`.

    Raises:
        BundleError: The bundle is damaged, of another version, or fails a check.
    """
    source = Path(bundle) if isinstance(bundle, str | Path) else None
    try:
        origin = None
        if source is not None and people:
            files.copy_bundle(source, part)
        else:
            origin = bundle if not isinstance(bundle, str | Path) else load(bundle)
            metrics = None if source is None else read_manifest(source)["meta"].get("metrics")
            origin = origin if people else origin.without_people()
            origin.save(part, metrics=metrics)
        model = load(part)
        # A model in memory makes its own canaries: the bundle that was written must agree with it.
        canaries = make_canaries(origin or model)
        run_canaries(model, canaries, str(part))
        record = _record(part, name, note)
    except BundleError as error:
        where = f"the model for version {name!r}" if source is None else str(source)
        raise BundleError(str(error).replace(str(part), where)) from error
    files.write_file(part / CANARIES, canaries.to_json())
    files.write_file(part / RECORD, record)
    files.write_file(part / SEAL, files.seal_of(part, SEALED))


def _record(part: Path, name: str, note: str) -> bytes:
    """Build the record of a version from its manifest."""
    manifest = read_manifest(part, verify=False)
    meta = manifest["meta"]
    try:
        record = {
            "format": files.FORMAT,
            "name": name,
            "created": datetime.now(UTC).isoformat(timespec="microseconds"),
            "note": " ".join(note.split()),
            "fingerprint": str(meta["catalogue"]["fingerprint"]),
            "spec": dict(meta["spec"].items()),
            "metrics": {key: _finite(value) for key, value in (meta.get("metrics") or {}).items()},
            "size": sum(int(entry["bytes"]) for entry in manifest["files"].values()),
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        found = f"{type(error).__name__} {error}"
        expected = "spec, fingerprint and metrics of a model"
        raise BundleError(complain(expected, found, str(part / MANIFEST), "train it again")) from error
    return (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode()


def _finite(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def read_version(folder: Path) -> tuple[Version, dict[str, Any]]:
    """Return the record of a version and the spec of its model.

    Its seal, record and file sizes are checked, no array is read.

    Raises:
        BundleError: Something is missing, damaged or of another format.
    """
    files.check_seal(folder, SEAL, SEALED)
    where = str(folder / RECORD)
    version = files.read_format(Version, (folder / RECORD).read_bytes(), "a record", where)
    if version.name != folder.name:
        fix = "give the folder its name back"
        raise BundleError(complain(f"the folder of {version.name!r}", repr(folder.name), where, fix))
    return version, dict(read_manifest(folder, verify=False)["meta"]["spec"])


def check_version(folder: Path) -> str:
    """Hash every file of a version and run its canaries; return the stamp of the files checked.

    Raises:
        BundleError: A check failed; says which.
    """
    stamp = files.stamp(folder)  # before the check: a write during it shows as a change
    load_checked(folder)
    return stamp


def load_checked(folder: Path) -> Recommender:
    """Load the model of a version after hashing every file and running every canary.

    Raises:
        BundleError: A check failed; says which.
    """
    read_version(folder)
    model = load(folder)
    run_canaries(model, CanarySet.from_json((folder / CANARIES).read_bytes()), str(folder))
    return model
