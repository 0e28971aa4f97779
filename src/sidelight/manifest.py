"""Manifest of a saved folder: files, hashes, seal and signature, and their verification."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from sidelight.errors import BundleError, SpecError, complain

SCHEMA_VERSION = 2
READABLE = (1, 2)  # in 1 histories are a matrix, whose order is unknown
MANIFEST, SEAL, SIGNATURE = "manifest.json", "manifest.sha256", "manifest.hmac"
KEY = "SIDELIGHT_SIGNING_KEY"  # path of the key file; if set, folders without its signature are refused
LEAST = 32  # bytes of a key, at least
PACKAGES = ("sidelight", "numpy", "scipy", "scikit-learn", "polars")
_KINDS = {"split": "a split", "evaluation": "an evaluation"}
_TABLES = (".csv", ".tsv", ".parquet", ".jsonl", ".ndjson", ".json", ".gz", ".inter", ".txt", ".dat")
PARTS = {"dense": 1, "csr": 3}  # files per array of each kind


def read_manifest(path: str | Path, verify: bool = True) -> dict[str, Any]:
    """Read and check the manifest of a folder: schema_version, created, packages, arrays, files, meta."""
    root = Path(path)
    text = _bytes(root, MANIFEST)
    if _bytes(root, SEAL) != seal(text):
        raise damaged(root / MANIFEST, f"contents that match {SEAL}", "other contents")
    if (signed := signature(text)) is not None and not hmac.compare_digest(_bytes(root, SIGNATURE), signed):
        fix = f"do not trust it, or correct {KEY}"
        expected = f"the signature of the key in {KEY}"
        raise BundleError(complain(expected, "another", str(root / SIGNATURE), fix))
    try:
        manifest = json.loads(text)
        found = manifest["schema_version"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise damaged(root / MANIFEST, "a JSON object with a schema_version", str(error)) from None
    if found not in READABLE:
        fix = "load it with the version of sidelight that wrote it, or make it anew"
        expected = f"schema_version {' or '.join(map(str, READABLE))}"
        raise BundleError(complain(expected, repr(found), str(root / MANIFEST), fix))
    _check_shape(root, manifest)
    for name, entry in manifest["files"].items():
        _check_file(inside(root, name), entry, verify)
    return dict(manifest)


def kind_of(path: str | Path) -> str:
    """Name the contents of a path, for errors: "a split", "a model", "tables", "a file", "nothing", ..."""
    root = Path(path)
    if not root.is_dir():
        return "a file" if root.exists() else "nothing"
    try:
        meta = json.loads((root / MANIFEST).read_text(encoding="utf-8"))["meta"]
        return _KINDS.get(meta.get("kind"), "a model" if "spec" in meta else "another kind of folder")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        if (root / "comparison.json").is_file():
            return "a comparison"
        tables = any(each.name.lower().endswith(_TABLES) for each in root.iterdir())
        return "tables" if tables else "a folder without a manifest.json"


def next_command(path: str | Path, wanted: str) -> str:
    """Return the command to run where a path is not the folder that a verb needs.

    Args:
        path: Given path.
        wanted: "split" or "train": the verb that writes the needed folder.
    """
    if kind_of(path) == "tables":
        more = ", then sidelight train split/ -o model/" if wanted == "train" else ""
        return f"run: sidelight split {path} -o split/{more}"
    if kind_of(path) == "a split":
        return f"give the folder that `sidelight train` wrote, or run: sidelight train {path} -o model/"
    return f"give the folder that `sidelight {wanted}` wrote (see the order of arguments in --help)"


def digest(path: str | Path) -> str:
    """Return the sha256 of a file in hex; it is read in pieces, so that its size does not matter."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def package_versions(names: tuple[str, ...] = PACKAGES) -> dict[str, str]:
    """Return installed versions of the named packages; absent ones are left out."""
    out = {}
    for name in names:
        try:
            out[name] = version(name)
        except PackageNotFoundError:
            continue
    return out


def seal(manifest: bytes) -> bytes:
    """Return the hash of a manifest in the format of `sha256sum -c manifest.sha256`."""
    return f"{hashlib.sha256(manifest).hexdigest()}  {MANIFEST}\n".encode()


def signature(manifest: bytes) -> bytes | None:
    """Return the HMAC-SHA256 of a manifest in hex, by the key file that `SIDELIGHT_SIGNING_KEY` names.

    The manifest lists the hash of every file, so none of them can be changed without the key.

    Returns:
        None where no key is named.

    Raises:
        SpecError: The file cannot be read, or the key is too short to be one.
    """
    if not (path := os.environ.get(KEY, "")):
        return None
    try:
        key = Path(path).read_bytes().strip()
    except OSError as error:
        raise SpecError(complain("a file with a key", f"{error.strerror}", path, f"correct {KEY}")) from None
    if len(key) < LEAST:
        fix = "make one with openssl rand -hex 32"
        raise SpecError(complain(f"a key of at least {LEAST} bytes", f"{len(key)}", path, fix))
    return hmac.new(key, manifest, hashlib.sha256).hexdigest().encode() + b"\n"


def damaged(path: Path, expected: str, found: str) -> BundleError:
    """Return the error for a file that is not as it was written."""
    return BundleError(complain(expected, found, str(path), "copy the folder again, or make it anew"))


def _bytes(root: Path, name: str) -> bytes:
    path = root / name
    if not path.is_file():
        fix = "give the folder that was saved, or make it anew"
        raise BundleError(complain(f"a folder with the file {name}", "no such file", str(root), fix))
    return path.read_bytes()


def inside(root: Path, name: str) -> Path:
    """Return the path of a file in the manifest; refuse one outside the folder."""
    path = root / name
    if "\0" in name or not path.resolve().is_relative_to(root.resolve()):
        fix = "do not trust it"
        raise BundleError(complain("files inside the folder", repr(name), str(root / MANIFEST), fix))
    return path


def _check_shape(root: Path, manifest: dict[str, Any]) -> None:
    """Check that every part is of its type and every array's file is listed with its hash."""
    try:
        files, meta = manifest["files"], manifest["meta"]
        used = list(manifest["blobs"].values())
        for entry in manifest["arrays"].values():
            expected = PARTS[entry["kind"]]
            if len(entry["files"]) != expected or (expected == 3 and len(entry["shape"]) != 2):
                raise ValueError(f"an array entry {entry}")
            used += entry["files"]
        for entry in files.values():
            str(entry["sha256"]), int(entry["bytes"])
        missing = [name for name in used if name not in files]
        if missing or not isinstance(meta, dict):
            raise ValueError(f"files without a hash: {missing[:3]}" if missing else "meta that is no object")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise damaged(root / MANIFEST, "a manifest of the known form", f"{error}") from None


def _check_file(path: Path, entry: dict[str, Any], verify: bool) -> None:
    if not path.is_file():
        raise damaged(path, "a file that the manifest lists", "no such file")
    size = path.stat().st_size
    if size != entry["bytes"]:
        raise damaged(path, f"{entry['bytes']} bytes", f"{size}")
    if verify and digest(path) != entry["sha256"]:
        raise damaged(path, f"sha256 {entry['sha256'][:12]}...", "another: the file has changed")
