"""Store of model versions in one folder, one of which serves.

    root/versions/NAME/     a bundle with version.json, canaries.json and a seal over them; never changed
    root/CURRENT            the version that serves, since when, and those before; replaced in one step
    root/history.jsonl      promotions and rollbacks of the past, oldest first
    root/DATABASE           id of the database that belongs to the store

A process that is killed at any moment, or that finds the disk full or broken, leaves the old state or
the new one. Unfinished files and folders have a hidden name and are removed by the next publish.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from sidelight.errors import BundleError, SpecError, complain, did_you_mean
from sidelight.models.recommender import Recommender
from sidelight.serving.bundle import load
from sidelight.serving.responses import Version
from sidelight.serving.store import version_files as files
from sidelight.serving.store.current_version import (
    CURRENT,
    CurrentVersion,
    ServedVersion,
    read_current,
    read_history,
    write_current,
)
from sidelight.serving.store.versions import check_name, check_version, fill, load_checked, read_version
from sidelight.target_paths import atomic_write, naming

__all__ = ["Store", "Version"]

VERSIONS = "versions"
PUBLISHING, SERVING = ".publish.lock", ".current.lock"
Names: TypeAlias = list[str]
Events: TypeAlias = list[dict[str, str]]


class Store:
    """Versions under one folder. Safe for several processes and threads at once.

    Args:
        root: The folder; the first publish makes it.
        keep: Number of the newest versions that `prune` leaves, >= 1.

    Raises:
        SpecError: `keep` is below 1.

    Examples:
        >>> import sidelight as sl
        >>> from sidelight.data.synthetic import make_synthetic
        >>> split = sl.split.temporal(make_synthetic(40, 60, 600, seed=1).data)
        >>> store = sl.Store("store")
        >>> store.publish(sl.Popular().fit(split), "first").name
        'first'
    """

    def __init__(self, root: Path | str, keep: int = 5) -> None:
        if keep < 1:
            raise SpecError(complain("keep >= 1", str(keep), "the store"))
        self.root, self.keep = Path(root), keep
        self._versions = self.root / VERSIONS

    def __repr__(self) -> str:
        return f"Store({str(self.root)!r}, keep={self.keep})"

    def existing(self) -> Store:
        """Return the store itself, if there is one: a mistyped folder is not an empty store.

        Raises:
            BundleError: Nothing was published there.
        """
        if not self._versions.is_dir():
            fix = "publish a bundle into it first"
            raise BundleError(complain("a store", f"no folder {VERSIONS}/", str(self.root), fix))
        return self

    def publish(
        self,
        bundle: Path | str | Recommender,
        name: str | None = None,
        *,
        note: str = "",
        people: bool = True,
    ) -> Version:
        """Add a version, whole or not at all, after all checks. It does not serve yet: see `promote`.

        Args:
            bundle: A bundle folder, which is copied, or a fitted model.
            name: Letters, digits and "._-"; None takes the time, e.g. "20260131T090000Z".
            note: Remark of one line, shown in lists of versions.
            people: Store user ids, histories and attributes of users. Without them the version serves
                histories that come with a request, and users whose events are in the service's database.

        Raises:
            BundleError: The bundle is damaged, of another version, or fails a check.
            SpecError: The name is taken or not allowed.
            OSError: The disk is full or broken; the store is as it was before.
        """
        if name is not None:
            check_name(name)
        with naming(self.root):
            files.make_folder(self._versions)
            with files.locked(self.root / PUBLISHING):
                self._clean()
                name = self._free(name)
                with atomic_write(self._versions / name, one_writer=True) as part:
                    fill(part, bundle, name, note, people)
        return self.show(name)

    def list(self) -> list[Version]:
        """Return the intact versions, newest first; see `damaged` for the others. Empty without a store."""
        now, found = read_current(self.root), []
        for name in self._names():
            with suppress(BundleError, FileNotFoundError):  # damaged, or pruned meanwhile
                found.append(self._version(name, now))
        return sorted(found, key=lambda each: (each.created, each.name), reverse=True)

    def damaged(self) -> dict[str, str]:
        """Return the error of each version with a wrong seal or file size; `check` hashes the arrays too."""
        found = {}
        for name in self._names():
            try:
                read_version(self._versions / name)
            except BundleError as error:
                found[name] = str(error)
        return found

    def show(self, name: str) -> Version:
        """Return one version.

        Raises:
            BundleError: There is none of this name, or it is damaged.
        """
        return self._version(name, read_current(self.root))

    def folder(self, name: str) -> Path:
        """Return the folder of a version, a bundle that `sidelight.load` reads.

        Raises:
            BundleError: There is none of this name.
        """
        self.existing()
        names = self._names()
        if name not in names:
            hint = did_you_mean(name, names) if names else "publish a bundle first"
            raise BundleError(complain("a version of the store", repr(name), str(self.root), hint))
        return self._versions / name

    def spec(self, name: str) -> dict[str, Any]:
        """Return the options that the model of a version was fitted with, as in the manifest.

        Raises:
            BundleError: There is none of this name, or it is damaged.
        """
        return read_version(self.folder(name))[1]

    def current(self) -> Version | None:
        """Return the version that serves; None before the first promotion.

        Raises:
            BundleError: `CURRENT` or the version it names is damaged.
        """
        now = read_current(self.root)
        return self._version(now.serves.name, now) if now else None

    def current_name(self) -> str | None:
        """Return the name of the version that serves; reads one small file, so it may be polled."""
        now = read_current(self.root)
        return now.serves.name if now else None

    def before(self) -> str | None:
        """Return the name of the version that a rollback goes to, if there is one."""
        return next((each.name for each in self._before(read_current(self.root))), None)

    def history(self) -> Events:
        """Return all promotions and rollbacks, oldest first: name, since (ISO, UTC), how."""
        return read_history(self.root)

    def stamp(self, name: str) -> str:
        """Return a stamp that changes when any file of a version is written to; for `promote`.

        Raises:
            BundleError: There is no such version.
        """
        return files.stamp(self.folder(name))

    def promote(self, name: str, checked: str = "") -> Version:
        """Let a version serve, after all checks.

        Args:
            name: Name of the version.
            checked: Its `stamp` from before the caller loaded and checked it; unchanged files are not
                checked twice.

        Raises:
            BundleError: It does not exist, or fails a check; the present version goes on serving.
            OSError: The disk is full or broken; the present or the new version serves.
        """
        with naming(self.root):
            folder = self.folder(name)
            seen = checked if files.stamp(folder) == checked else check_version(folder)
            with files.locked(self.root / SERVING):
                if not folder.is_dir() or files.stamp(folder) != seen:
                    expected = f"version {name!r} as it was checked"
                    found = "it was changed or pruned meanwhile"
                    raise BundleError(complain(expected, found, str(self.root), "promote again"))
                now = read_current(self.root)
                if now is None or now.serves.name != name:
                    new = ServedVersion(name, seen)
                    write_current(self.root, now, new, now.promoted(new) if now else (), "promote")
        return self.show(name)

    def rollback(self) -> Version:
        """Let the previous version serve again; a further call goes back further.

        It passed all checks when it was promoted. If no file of it was written to since, only
        `CURRENT` changes, however large the model; else all checks are made again.

        Raises:
            BundleError: No version served before, or it is damaged; the present one goes on serving.
            OSError: As in `promote`.
        """
        with naming(self.root), files.locked(self.existing().root / SERVING):
            now = read_current(self.root)
            before = self._before(now)
            if not before:
                fix = "promote a version by its name"
                raise BundleError(complain("a version that served before", "none", str(self.root), fix))
            name, seen = before[0].name, before[0].stamp
            read_version(self._versions / name)
            if files.stamp(self._versions / name) != seen:
                seen = check_version(self._versions / name)
            write_current(self.root, now, ServedVersion(name, seen), before[1:], "rollback")
        return self.show(name)

    def prune(self) -> Names:
        """Remove all but the newest `keep`, the one that serves and the one a rollback would go to.

        Returns:
            Names of the removed versions. Damaged ones are left to be inspected.
        """
        removed = []
        with naming(self.root), files.locked(self.existing().root / PUBLISHING):
            for old in reversed(self.list()[self.keep :]):
                with files.locked(self.root / SERVING):
                    if self._version(old.name, read_current(self.root)) != old or old.current or old.previous:
                        continue
                    aside = files.put_aside(self._versions / old.name)
                files.remove(aside)
                removed.append(old.name)
        return removed

    def load(self, name: str | None = None, check: bool = False) -> Recommender:
        """Load the model of a version, each file hashed first.

        Args:
            name: Name of the version; None takes the one that serves.
            check: Run its canaries as well.

        Raises:
            BundleError: There is none, or it is damaged.
        """
        chosen = self.current_name() if name is None else name
        if chosen is None:
            expected = "a version that serves"
            raise BundleError(complain(expected, "none was promoted", str(self.root), "promote one"))
        folder = self.folder(chosen)
        if check:
            return load_checked(folder)
        read_version(folder)
        return load(folder)

    def check(self, name: str) -> None:
        """Hash every file of a version and run its canaries.

        Raises:
            BundleError: A check failed; says which.
        """
        check_version(self.folder(name))

    def _names(self) -> Names:
        """Names of versions, damaged ones too; hidden folders are unfinished."""
        if not self._versions.is_dir():
            return []
        return sorted(each.name for each in self._versions.iterdir() if not each.name.startswith("."))

    def _version(self, name: str, now: CurrentVersion | None) -> Version:
        version, _ = read_version(self.folder(name))
        previous = name in [each.name for each in self._before(now)[:1]]
        return replace(version, current=now is not None and name == now.serves.name, previous=previous)

    def _before(self, now: CurrentVersion | None) -> Sequence[ServedVersion]:
        """Versions that served before and still exist, the latest first."""
        served = now.before if now else ()
        return [each for each in served if (self._versions / each.name).is_dir()]

    def _free(self, name: str | None) -> str:
        """Return the name if it is free; without one, the time and if need be a number."""
        taken = self._names()
        if name is None:
            base = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
            names = (f"{base}-{n}" if n > 1 else base for n in range(1, len(taken) + 2))
            return next(each for each in names if each not in taken)
        if name in taken:
            fix = "versions are never replaced: choose another name"
            raise SpecError(complain("a name that is free", f"{name!r} exists", str(self.root), fix))
        return name

    def _clean(self) -> None:
        """Remove the remains of crashed publishes, promotions and prunings; the publish lock is held."""
        for each in list(self._versions.iterdir()):
            if each.name.startswith("."):
                files.remove(each)
        with files.locked(self.root / SERVING):
            files.remove(self.root / f".{CURRENT}.part")
