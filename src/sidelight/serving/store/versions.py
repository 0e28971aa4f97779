"""One version in a store: what is in its folder, what is said of it, and the checks it must pass."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sidelight.errors import BundleError, SpecError, complain
from sidelight.manifest import MANIFEST, read_manifest
from sidelight.serving.store import version_files as files

if TYPE_CHECKING:
    from sidelight.models.recommender import Recommender

RECORD, CANARIES, SEAL = "version.json", "canaries.json", "version.sha256"
SEALED = (RECORD, CANARIES, MANIFEST)
FORMAT = 1
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


@dataclass(frozen=True)
class Version:
    """One published model.

    Args:
        name: Its name in the store.
        created: When it was published, UTC.
        note: What the publisher said of it.
        path: Its folder, a bundle that `sidelight.load` reads.
        fingerprint: Of the data that the model was fitted on.
        spec: The options it was fitted with, as in the manifest.
        metrics: What it measured, by dotted name.
        size: Bytes of the bundle.
        current: Whether it serves.
        previous: Whether a rollback would go to it.
    """

    name: str
    created: datetime
    note: str
    path: Path
    fingerprint: str
    spec: Mapping[str, Any]
    metrics: Mapping[str, float | None]
    size: int
    current: bool = False
    previous: bool = False


def check_name(name: str) -> str:
    """The name, if a version may be called so.

    Raises:
        SpecError: It may not.
    """
    if not NAME.fullmatch(name):
        expected = "a name of at most 80 letters, digits and '._-' that starts with a letter or digit"
        raise SpecError(complain(expected, repr(name), "the store"))
    return name


def fill(part: Path, bundle: Path | str | Recommender, name: str, note: str) -> None:
    """Write a version into a new folder, checked and on disk; the caller gives the folder its name.

    Raises:
        BundleError: The bundle is damaged, of another version, or fails a check.
    """
    from sidelight.serving.store.canary import make_canaries, run_canaries

    source = Path(bundle) if isinstance(bundle, str | Path) else None
    try:
        if isinstance(bundle, str | Path):
            files.copy_bundle(Path(bundle), part)
        else:
            bundle.save(part)
        model = read_model(part)
        # Of a model in memory the canaries are its own: what was written must answer as it does.
        canaries = make_canaries(model if isinstance(bundle, str | Path) else bundle)
        run_canaries(model, canaries, str(part))
        record = _record(part, name, note)
    except BundleError as error:
        where = f"the model for version {name!r}" if source is None else str(source)
        raise BundleError(str(error).replace(str(part), where)) from error
    files.write_file(part / CANARIES, canaries.to_json())
    files.write_file(part / RECORD, record)
    files.write_file(part / SEAL, files.seal_of(part, SEALED))
    files.sync_folders(part)


def _record(part: Path, name: str, note: str) -> bytes:
    """What is said of a version, from its manifest."""
    manifest = read_manifest(part, verify=False)
    meta = manifest["meta"]
    try:
        record = {
            "format": FORMAT,
            "name": name,
            "created": datetime.now(UTC).isoformat(timespec="microseconds"),
            "note": " ".join(note.split()),
            "fingerprint": str(meta["catalogue"]["fingerprint"]),
            "spec": dict(meta["spec"].items()),
            "metrics": {key: _finite(value) for key, value in (meta.get("metrics") or {}).items()},
            "size": sum(int(entry["bytes"]) for entry in manifest["files"].values()),
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        said = "spec, fingerprint and metrics of a model", f"{type(error).__name__} {error}"
        raise BundleError(complain(*said, str(part / MANIFEST), "train it again")) from error
    return (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode()


def _finite(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def read_version(folder: Path) -> Version:
    """What is said of a version: its seal, record and file sizes are checked, no array is read.

    Raises:
        BundleError: Something is missing, damaged or of another format.
    """
    files.check_seal(folder, SEAL, SEALED)
    where = str(folder / RECORD)
    try:
        found = json.loads((folder / RECORD).read_bytes())
        if found["format"] != FORMAT:
            raise ValueError(f"format {found['format']!r}")
        version = Version(
            str(found["name"]), datetime.fromisoformat(found["created"]), str(found["note"]), folder,
            str(found["fingerprint"]), dict(found["spec"]), dict(found["metrics"]), int(found["size"]),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError) as error:
        raise BundleError(complain(f"a record of format {FORMAT}", f"{error}", where)) from None
    if version.name != folder.name:
        fix = "give the folder its name back"
        raise BundleError(complain(f"the folder of {version.name!r}", repr(folder.name), where, fix))
    read_manifest(folder, verify=False)
    return version


def read_model(folder: Path) -> Recommender:
    """The model in a folder, each file hashed first; whatever does not fit is one line.

    Raises:
        BundleError: Something is missing, damaged or of another version.
    """
    from sidelight.serving.bundle import load

    return load(folder)


def check_version(folder: Path) -> str:
    """Hash every file of a version and ask it its canaries; the stamp of what was checked.

    Raises:
        BundleError: Says what is wrong.
    """
    seen = files.stamp(folder)  # before the check: what is written to during it shows as a change
    asked_model(folder)
    return seen


def asked_model(folder: Path) -> Recommender:
    """The model of a version, once every file is hashed and every canary answered.

    Raises:
        BundleError: Says what is wrong.
    """
    from sidelight.serving.store.canary import CanarySet, run_canaries

    read_version(folder)
    model = read_model(folder)
    run_canaries(model, CanarySet.from_json((folder / CANARIES).read_bytes()), str(folder))
    return model
