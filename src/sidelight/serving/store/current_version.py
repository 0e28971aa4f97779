"""`CURRENT`: the one small file of a store that says what serves. To replace it is to promote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from sidelight.errors import BundleError, complain
from sidelight.serving.store import version_files as files
from sidelight.serving.store.versions import NAME

CURRENT, HISTORY = "CURRENT", "history.jsonl"
FORMAT = 1
REMEMBERED = 50  # versions that rollbacks can go back through


@dataclass(frozen=True)
class ServedVersion:
    """A version that serves or served.

    Args:
        name: Of the version.
        stamp: Of its files when it was checked, see `store_files.stamp`.
    """

    name: str
    stamp: str


@dataclass(frozen=True)
class CurrentVersion:
    """What serves.

    Args:
        serves: The version.
        since: ISO time, UTC.
        how: "promote" or "rollback".
        before: What served before, the latest first; a rollback goes to the first.
    """

    serves: ServedVersion
    since: str
    how: str
    before: tuple[ServedVersion, ...] = ()

    @property
    def event(self) -> dict[str, str]:
        """Its line in the history: name, since, how."""
        return {"name": self.serves.name, "since": self.since, "how": self.how}

    def promoted(self, new: ServedVersion) -> tuple[ServedVersion, ...]:
        """What will have served before, once a new version serves."""
        return (self.serves, *(each for each in self.before if each.name != new.name))


def read_current(root: Path) -> CurrentVersion | None:
    """The checked contents of `CURRENT`; None before the first promotion.

    Raises:
        BundleError: It was changed, or is of another format.
    """
    path, fix = root / CURRENT, "remove this file, then promote a version"
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    found = files.read_hashed(content, path, fix)
    try:
        if found["format"] != FORMAT:
            raise ValueError(f"format {found['format']!r}")
        before = tuple(ServedVersion(str(each["name"]), str(each["stamp"])) for each in found["before"])
        serves = ServedVersion(str(found["serves"]["name"]), str(found["serves"]["stamp"]))
        # A name becomes a path: nothing may lead out of the store.
        if strange := [each.name for each in (serves, *before) if not NAME.fullmatch(each.name)]:
            raise ValueError(f"the name {strange[0]!r}")
        return CurrentVersion(serves, str(found["since"]), str(found["how"]), before)
    except (KeyError, TypeError, ValueError) as error:
        raise BundleError(complain(f"contents of format {FORMAT}", f"{error}", str(path), fix)) from None


def write_current(
    root: Path, now: CurrentVersion | None, new: ServedVersion, before: Sequence[ServedVersion], how: str
) -> None:
    """Let a version serve in one step, after what served has gone into the history.

    Args:
        root: The store, whose lock for this file is held.
        now: What serves.
        new: What is to serve.
        before: What a rollback from it goes to, the latest first.
        how: "promote" or "rollback".
    """
    if now is not None:
        files.append_line(root / HISTORY, files.packed(now.event))
    since = datetime.now(UTC).isoformat(timespec="microseconds")
    moment = CurrentVersion(new, since, how, tuple(before[:REMEMBERED]))
    content = files.packed({"format": FORMAT, **asdict(moment)})
    files.replace_file(root / CURRENT, files.hashed(content))


def read_history(root: Path) -> list[dict[str, str]]:
    """Events of the past and the present, oldest first."""
    path, now = root / HISTORY, read_current(root)
    past = [files.read_line(line, path) for line in files.lines(path)]
    return past if now is None or past[-1:] == [now.event] else [*past, now.event]
