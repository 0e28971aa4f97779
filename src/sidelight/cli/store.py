"""Verbs `store publish|list|show|promote|rollback|prune`: versions of a model, and the one that serves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sidelight.cli import console
from sidelight.cli.shared_options import BundleArgument, JsonLines, JsonObject

if TYPE_CHECKING:
    from sidelight.serving.responses import Version
    from sidelight.serving.store.store import Store

Root = Annotated[Path, typer.Argument(help="Folder of the store.", show_default=False)]
Name = Annotated[str, typer.Argument(help="Name of a version.", show_default=False)]


def publish(
    store: Root,
    bundle: BundleArgument,
    name: Annotated[
        str | None, typer.Option(help="Name of the version [default: the time].", show_default=False)
    ] = None,
    note: Annotated[str, typer.Option(help="Remark to show in the list.")] = "",
    promote: Annotated[bool, typer.Option("--promote", help="Let it serve at once.")] = False,
    people: Annotated[
        bool,
        typer.Option(
            "--people/--no-people",
            help="Store user ids, histories and attributes of users. Without them, it serves users whose "
            "events are in the database of the service, and histories that come with a request.",
        ),
    ] = True,
    json: JsonLines = False,
) -> None:
    """Copy a bundle into a store as a new version, after all checks.

    Every file is hashed, every weight must be finite, and canary queries are run; their results are
    kept, and must be the same again before the version may serve. The first publish makes the store.

    Example:
        sidelight store publish store/ model/ --name monday --promote
        sidelight store publish store/ model/ --name tuesday --note "with descriptions"
        sidelight store publish store/ model/ --name anonymous --no-people
    """
    from sidelight.serving.store.store import Store

    opened = Store(store)
    found = opened.publish(bundle, name, note=note, people=people)
    if promote:
        found = opened.promote(found.name)
    else:
        console.note(f"published; to let it serve: sidelight store promote {store} {found.name}")
    console.emit([_row(opened, found)], json=json)


def list_(store: Root, json: JsonLines = False) -> None:
    """List the versions of a store, newest first, and which one serves.

    Example:
        sidelight store list store/
    """
    opened = _existing(store)
    console.emit([_row(opened, each) for each in opened.list()], json=json)
    for name, why in opened.damaged().items():
        console.note(f"{name} is damaged: {why}")


def show(
    store: Root,
    name: Name,
    check: Annotated[
        bool, typer.Option("--check", help="Hash every file and run the canary queries.")
    ] = False,
    json: JsonObject = False,
) -> None:
    """Show data, options, metrics and size of a version.

    Example:
        sidelight store show store/ monday --check
    """
    opened = _existing(store)
    found = opened.show(name)
    if check:
        opened.check(name)
        console.note(f"{name}: all files are as published, and the canary queries give the same results")
    about = {
        **_row(opened, found),
        "fingerprint": found.fingerprint,
        "spec": opened.spec(name),
        "metrics": found.metrics,
        "path": str(opened.folder(name)),
    }
    rows = [about] if json else [{"what": key, "value": value} for key, value in _flat(about)]
    console.emit(rows, json=json)


def promote(store: Root, name: Name, json: JsonLines = False) -> None:
    """Let a version serve, after all checks; a rollback goes back to the present one.

    Example:
        sidelight store promote store/ tuesday
    """
    opened = _existing(store)
    console.emit([_row(opened, opened.promote(name))], json=json)


def rollback(store: Root, json: JsonLines = False) -> None:
    """Let the version serve that served before, at once; once more goes back further.

    Example:
        sidelight store rollback store/
    """
    opened = _existing(store)
    console.emit([_row(opened, opened.rollback())], json=json)


def prune(
    store: Root,
    keep: Annotated[int, typer.Option(min=1, help="Newest versions to keep.")] = 5,
    json: JsonLines = False,
) -> None:
    """Remove old versions; never the one that serves, nor the one a rollback would go to.

    Example:
        sidelight store prune store/ --keep 5
    """
    removed = _existing(store, keep).prune()
    if removed:
        console.emit([{"removed": name} for name in removed], json=json)
    console.note(f"{len(removed)} removed")


def _existing(root: Path, keep: int = 5) -> Store:
    """Open a store that must exist: a mistyped folder is no empty store."""
    from sidelight.serving.store.store import Store

    return Store(root, keep).existing()


def _row(store: Store, version: Version) -> dict[str, Any]:
    state = "current" if version.current else "previous" if version.previous else ""
    return {
        "name": version.name,
        "state": state,
        "created": version.created.isoformat(timespec="seconds"),
        "model": str(store.spec(version.name).get("use", "")).rpartition(":")[2],
        "ndcg@10": version.metrics.get("overall.ndcg@10"),
        "mb": round(version.size / 1e6, 2),
        "note": version.note,
    }


def _flat(about: dict[str, Any]) -> list[tuple[str, Any]]:
    """Return key and value pairs for a table, one line per metric."""
    metrics = about.pop("metrics")
    return [*about.items(), *((f"metric {key}", value) for key, value in metrics.items())]
