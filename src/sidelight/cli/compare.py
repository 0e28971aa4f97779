"""The verb `compare`: arms on the same split, seeds and budget, with paired differences."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sidelight.cli.evaluate import KnownBy

if TYPE_CHECKING:
    from sidelight.experiment.comparison import Comparison


def compare(
    split: Annotated[Path, typer.Argument(help="Folder that `sidelight split` wrote.", show_default=False)],
    arms: Annotated[
        list[Path] | None,
        typer.Argument(metavar="SPEC.toml...", help="Specs; the first is the baseline.", show_default=False),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder of the record; goes on with what is there.")
    ] = Path("comparison"),
    ablate: Annotated[
        Path | None,
        typer.Option(help="Spec with tasks: with all, with none, without each, with each alone."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Seeds that every arm is fitted with.")] = 5,
    keep: Annotated[str, typer.Option(help="Shares of the training events, with commas.")] = "1",
    ks: Annotated[
        str, typer.Option("--ks", "--k", "-k", help="Cut-offs, with commas; NDCG at the largest is compared.")
    ] = "10,20",
    final: Annotated[
        bool, typer.Option("--final", help="Open the sealed test part, once a run, and record it.")
    ] = False,
    history: KnownBy = None,
    data: Annotated[
        Path | None, typer.Option(help="The data that was split, if it has moved since.", show_default=False)
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="JSON lines: one figure or difference a line.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Start anew where a comparison is.")] = False,
) -> None:
    """Compare specs on the same split, seeds and users: each minus the first, with intervals.

    Every spec is fitted once a seed and share of the clicks, and measured on cold, warm and all
    items; brackets are 95 % intervals over users and seeds. A spec is named after its file. Runs are
    kept in the folder: a comparison that was cut off goes on when the same line is given again. The
    folder's comparison.json is the whole record. docs/compare.md says how to read it.

    Example:
        sidelight train split/ --show > sharp.toml
        sidelight train split/ --show | sed 's/^power = 3.0/power = 1.0/' > flat.toml
        sidelight compare split/ flat.toml sharp.toml -o comparison/ --seeds 2
    """
    from sidelight.cli.console import note, progress
    from sidelight.data.read import read
    from sidelight.data.split.files import read_split
    from sidelight.experiment import runs
    from sidelight.experiment.compare import compare as measure
    from sidelight.json_files import write_json

    specs = _arms(arms or [], ablate)
    cuts, shares = tuple(int(each) for each in _numbers(ks, int)), _numbers(keep, float)
    found = read_split(split, read(data) if data else None)
    with progress() as report:
        result = measure(
            found, specs, seeds=seeds, part="test" if final else "validation", final=final, keep=shares,
            metric=f"ndcg@{max(cuts)}", ks=cuts, folder=output, progress=report, force=force,
            log=split.resolve().parent / "openings.jsonl", history=history.value if history else None,
        )  # fmt: skip
    record = result.to_dict() | {"command": _command()}
    write_json(record, output / runs.RECORD)
    _show(result, record, json)
    note(f"record: {output / runs.RECORD}")
    _page(record, output / "report.html")


def _arms(paths: list[Path], ablate: Path | None) -> dict[str, Any]:
    """Specs by the names of their files, or the ablations of one."""
    from sidelight import config
    from sidelight.experiment.arms import ablations

    if ablate is not None:
        if paths:
            raise typer.BadParameter("expected specs, or --ablate with one spec; found both")
        return ablations(config.load(ablate))
    if len(paths) < 2:
        raise typer.BadParameter(f"expected two specs or more, or --ablate SPEC.toml; found {len(paths)}")
    names = [path.stem for path in paths]
    for name in names:
        if names.count(name) > 1:
            raise typer.BadParameter(f"expected files with different names; found {name!r} twice")
    return {name: config.load(path) for name, path in zip(names, paths, strict=True)}


def _numbers(text: str, kind: type[int] | type[float]) -> tuple[float, ...]:
    try:
        return tuple(kind(part) for part in text.split(","))
    except ValueError:
        what = "whole numbers with commas, as 10,20" if kind is int else "shares with commas, as 1,0.5"
        raise typer.BadParameter(f"expected {what}; found {text!r}") from None


def _command() -> str:
    """What was typed, for the record."""
    import shlex
    import sys

    return shlex.join(["sidelight", *sys.argv[1:]])


def _page(record: dict[str, Any], place: Path) -> None:
    """The record as a page, where what draws it is installed."""
    from sidelight.cli.console import note

    try:
        from sidelight.report.page import write

        note(f"page: {write(record, place, force=True)}")
    except ImportError as error:
        note(f"no page: {error}")


def _show(found: Comparison, record: dict[str, Any], json: bool) -> None:
    from sidelight.cli.console import emit

    if not json:
        print(found.table())
        return
    about = ("part", "metric", "level", "baseline", "seeds", "keeps", "data", "split", "history", "made")
    lines = [{"record": "comparison", **{name: record[name] for name in (*about, "answer")}}]
    lines += [{"record": "figure", **each} for each in record["figures"]]
    emit([*lines, *({"record": "difference", **each} for each in record["differences"])], json=True)
