"""Checked folders of arrays and JSON: written whole or not at all, never pickled."""

from __future__ import annotations

import errno
import json
import math
import os
import secrets
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.errors import SpecError, complain
from sidelight.manifest import (
    MANIFEST,
    SCHEMA_VERSION,
    SEAL,
    SIGNATURE,
    damaged,
    digest,
    inside,
    package_versions,
    read_manifest,
    seal,
    signature,
)
from sidelight.target_paths import naming, sync_folder, sync_tree

CSR_PARTS = ("data", "indices", "indptr")

Array: TypeAlias = NDArray[Any] | sp.csr_matrix
Arrays = dict[str, Array]


def write_folder(
    path: str | Path,
    arrays: Mapping[str, Array],
    meta: Mapping[str, Any],
    files: Mapping[str, bytes] | None = None,
    force: bool = False,
) -> Path:
    """Write arrays, meta data and small files as one folder that `read_folder` can verify.

    Everything is written beside the target, forced to disk, and renamed: after a crash or an
    interruption the target is the old folder or the new one, never half of either.

    Args:
        path: The folder to make.
        arrays: Name to dense array (any plain dtype, "<U" text included) or CSR matrix. A "/" in a
            name makes a sub-folder.
        meta: JSON-able values; numpy scalars are accepted.
        files: Name to raw bytes, for what is not an array.
        force: Replace an existing folder, but only one that this function wrote.

    Raises:
        SpecError: The target exists, or a value cannot be stored without pickling.
    """
    check_target(path, force, meta)
    target = Path(path).resolve()  # behind a link, the folder is replaced and the link stays
    target.parent.mkdir(parents=True, exist_ok=True)
    token = secrets.token_hex(4)
    fresh = target.with_name(f".{target.name}.{token}.part")
    fresh.mkdir()
    try:
        with naming(target):
            _fill(fresh, arrays, meta, files or {})
            sync_tree(fresh)
        _swap(fresh, target, target.with_name(f".{target.name}.{token}.old"), force)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    return Path(path)


def read_folder(
    path: str | Path, mmap: bool = False, verify: bool = True
) -> tuple[Arrays, dict[str, Any], dict[str, bytes]]:
    """Return arrays, meta data and files of a folder that `write_folder` made.

    Args:
        path: The folder.
        mmap: Map dense arrays and CSR parts read-only instead of copying them into memory.
        verify: Hash every file and check the CSR indices. False checks names and sizes only.

    Raises:
        BundleError: Something is missing, damaged, outside the folder or of another version.
    """
    root = Path(path)
    manifest = read_manifest(root, verify)
    arrays: Arrays = {}
    for name, entry in manifest["arrays"].items():
        parts = [_load(root, file, mmap) for file in entry["files"]]
        dense = entry["kind"] == "dense"
        arrays[name] = parts[0] if dense else _csr(root, name, parts, entry["shape"], verify)
    files = {name: inside(root, file).read_bytes() for name, file in manifest["blobs"].items()}
    return arrays, manifest["meta"], files


def placed(folder: str, arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Prefix the names of a part's arrays, "folder/name"; `under` takes them out again."""
    return {f"{folder}/{name}": value for name, value in arrays.items()}


def under(folder: str, arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arrays that `placed` put under a folder, by their own names."""
    start = f"{folder}/"
    return {name.removeprefix(start): value for name, value in arrays.items() if name.startswith(start)}


def check_target(path: str | Path, force: bool, meta: Mapping[str, Any] | None = None) -> None:
    """Refuse a target that `write_folder` would not write to, before long work.

    Args:
        path: The folder to make.
        force: Whether an existing folder may be replaced: one that `write_folder` made.
        meta: Meta data to be written; a folder of another kind (a split for a model) is refused too.

    Raises:
        SpecError: The place may not be written to.
    """
    target = Path(path)
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if not force:
        fix = "choose another, or force it"
        raise SpecError(complain("a new folder", "it exists already", str(target), fix))
    if not (target / MANIFEST).is_file():
        # A mistyped target must not cost a home folder.
        fix, expected = "remove it by hand, or choose another place", f"a folder with a {MANIFEST} to replace"
        raise SpecError(complain(expected, "something else", str(target), fix))
    if meta is not None and (there := _kind(target)) and there != set(meta):
        fix = "choose another place, or remove it by hand"
        found = "another kind of folder (a split, a model and an evaluation never replace each other)"
        raise SpecError(complain("a folder of the same kind to replace", found, str(target), fix))


def _kind(target: Path) -> set[str]:
    """Return the names of the meta data, which differ between splits, models and evaluations."""
    try:
        return set(json.loads((target / MANIFEST).read_text(encoding="utf-8"))["meta"])
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _fill(
    fresh: Path, arrays: Mapping[str, Array], meta: Mapping[str, Any], files: Mapping[str, bytes]
) -> None:
    listed: dict[str, dict[str, Any]] = {}
    entries: dict[str, dict[str, Any]] = {}
    for name, value in arrays.items():
        if sp.issparse(value):
            matrix = sp.csr_matrix(value)
            parts = [(f"arrays/{_safe(name)}.{part}.npy", getattr(matrix, part)) for part in CSR_PARTS]
            entries[name] = {"kind": "csr", "shape": [int(n) for n in matrix.shape]}
        else:
            parts = [(f"arrays/{_safe(name)}.npy", np.asarray(value))]
            entries[name] = {"kind": "dense"}
        entries[name]["files"] = [file for file, _ in parts]
        for file, array in parts:
            if array.dtype.hasobject:
                fix = "use numbers, booleans or text of one dtype"
                raise SpecError(
                    complain("an array of a plain dtype", f"{array.dtype}", f"array {name!r}", fix)
                )
            listed[file] = _put(fresh, file, array, listed)
    blobs = {name: f"files/{_safe(name)}" for name in files}
    for name, file in blobs.items():
        listed[file] = _put(fresh, file, files[name], listed)
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "packages": package_versions(),
        "arrays": entries,
        "blobs": blobs,
        "files": listed,
        "meta": dict(meta),
    }
    text = (json.dumps(manifest, indent=1, ensure_ascii=False, default=_number) + "\n").encode()
    _put(fresh, MANIFEST, text)
    _put(fresh, SEAL, seal(text))
    if (signed := signature(text)) is not None:
        _put(fresh, SIGNATURE, signed)


def _put(
    root: Path, file: str, content: bytes | NDArray[Any], taken: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Write a file; return its hash and size."""
    if taken and file in taken:
        expected = "array names that differ as file names"
        raise SpecError(complain(expected, "two with the same", file, "rename one"))
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "xb") as stream:
        if isinstance(content, bytes):
            stream.write(content)
        else:
            np.save(stream, content, allow_pickle=False)
    return {"sha256": digest(path), "bytes": path.stat().st_size}


def _safe(name: str) -> str:
    """Return a name as a relative path: "/" makes folders, other marks are percent-encoded."""
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise SpecError(complain("a name without empty, '.' or '..' parts", repr(name)))
    return "/".join(quote(part, safe="") for part in parts)


def _number(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    found = f"a {type(value).__name__}"
    raise SpecError(complain("meta data of JSON values", found, fix="store it as an array"))


def _swap(fresh: Path, target: Path, aside: Path, force: bool) -> None:
    check_target(target, force)  # another process may have written there meanwhile
    try:
        if target.is_dir() and any(target.iterdir()):
            os.rename(target, aside)
        os.rename(fresh, target)
    except BaseException as error:
        if aside.exists() and not target.exists():
            os.rename(aside, target)
        if isinstance(error, OSError) and error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
            fix = "run again with another place, or force it"
            found = "another process wrote there meanwhile"
            raise SpecError(
                complain("a target that no other process writes to", found, str(target), fix)
            ) from None
        raise
    sync_folder(target.parent)
    if aside.exists():
        shutil.rmtree(aside)


def _load(root: Path, file: str, mmap: bool) -> NDArray[Any]:
    path = inside(root, file)
    try:
        _check_header(path)
        out: NDArray[Any] = np.load(path, mmap_mode="r" if mmap else None, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise damaged(path, "an array in .npy form", f"{error}") from None
    return out


def _check_header(path: Path) -> None:
    """Refuse a header that is not of one array or claims more than the file holds, before allocation."""
    with open(path, "rb") as stream:
        version = np.lib.format.read_magic(stream)
        known = np.lib.format
        read = known.read_array_header_1_0 if version == (1, 0) else known.read_array_header_2_0
        shape, _, dtype = read(stream)
        held = path.stat().st_size - stream.tell()
    claimed = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or claimed != held:
        raise ValueError(f"a shape {shape} of {claimed:,} bytes over {held:,} bytes")


def _csr(root: Path, name: str, parts: list[NDArray[Any]], shape: list[int], verify: bool) -> sp.csr_matrix:
    try:
        matrix = sp.csr_matrix(tuple(parts), shape=tuple(shape))
        if verify:
            # An index out of range would read outside the array's memory, not raise.
            matrix.check_format(full_check=True)
    except (ValueError, TypeError, IndexError) as error:
        raise damaged(root / MANIFEST, f"the parts of a CSR matrix {name!r}", f"{error}") from None
    return matrix
