"""The file `CURRENT` of a store: the version that serves, and those before it. Replacing it promotes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from sidelight.errors import BundleError, complain
from sidelight.serving.store import version_files as files
from sidelight.serving.store.versions import NAME

CURRENT, HISTORY = "CURRENT", "history.jsonl"
REMEMBERED = 50  # versions that rollbacks can go back through


@dataclass(frozen=True)
class ServedVersion:
    """Version that serves or served.

    Args:
        name: Name of the version.
        stamp: Stamp of its files when it was checked, see `version_files.stamp`.
    """

    name: str
    stamp: str


@dataclass(frozen=True)
class CurrentVersion:
    """Contents of `CURRENT`.

    Args:
        serves: The version that serves.
        since: ISO time, UTC.
        how: "promote" or "rollback".
        before: Versions that served before, the latest first; a rollback goes to the first.
    """

    serves: ServedVersion
    since: str
    how: str
    before: tuple[ServedVersion, ...] = ()

    @property
    def event(self) -> dict[str, str]:
        """Line in the history: name, since, how."""
        return {"name": self.serves.name, "since": self.since, "how": self.how}

    def promoted(self, new: ServedVersion) -> tuple[ServedVersion, ...]:
        """Return the versions before, once a new version serves."""
        return (self.serves, *(each for each in self.before if each.name != new.name))


def read_current(root: Path) -> CurrentVersion | None:
    """Return the checked contents of `CURRENT`; None before the first promotion.

    Raises:
        BundleError: It was changed, or is of another format.
    """
    path, fix = root / CURRENT, "remove this file, then promote a version"
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    line = files.read_hashed(content, path, fix)
    now = files.read_format(CurrentVersion, line, "contents", str(path), fix)
    for each in (now.serves, *now.before):
        if not NAME.fullmatch(each.name):  # it becomes a path, which must not lead out of the store
            raise BundleError(complain("names of versions", repr(each.name), str(path), fix))
    return now


def write_current(
    root: Path, now: CurrentVersion | None, new: ServedVersion, before: Sequence[ServedVersion], how: str
) -> None:
    """Let a version serve in one step, after the present one was appended to the history.

    Args:
        root: The store, whose lock for this file is held.
        now: Present contents.
        new: Version that is to serve.
        before: Versions that rollbacks from it go to, the latest first.
        how: "promote" or "rollback".
    """
    if now is not None:
        files.append_line(root / HISTORY, files.packed(now.event))
    since = datetime.now(UTC).isoformat(timespec="microseconds")
    then = CurrentVersion(new, since, how, tuple(before[:REMEMBERED]))
    content = files.packed({"format": files.FORMAT, **asdict(then)})
    files.replace_file(root / CURRENT, files.hashed(content))


def read_history(root: Path) -> list[dict[str, str]]:
    """Return all promotions and rollbacks, oldest first, the present one included."""
    path, now = root / HISTORY, read_current(root)
    past = [files.read_line(line, path) for line in files.lines(path)]
    return past if now is None or past[-1:] == [now.event] else [*past, now.event]
