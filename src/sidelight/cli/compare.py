"""Verb `compare`: arms on the same split, seeds and budget, with paired differences."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sidelight.cli.console import emit, note, progress
from sidelight.cli.shared_options import (
    OPENINGS,
    HistoryOption,
    MovedData,
    SplitArgument,
    load_split,
    parse_cutoffs,
    parse_numbers,
)

if TYPE_CHECKING:
    from sidelight.experiment.comparison import Comparison

KS = "Cut-offs, with commas; NDCG at the largest is compared."


def compare(
    split: SplitArgument,
    arms: Annotated[
        list[Path] | None,
        typer.Argument(metavar="SPEC.toml...", help="Specs; the first is the baseline.", show_default=False),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder of the record; resumes what is there.")
    ] = Path("comparison"),
    ablate: Annotated[
        Path | None,
        typer.Option(help="Spec with tasks: with all, with none, without each, with each alone."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Seeds that every arm is fitted with.")] = 5,
    keep: Annotated[str, typer.Option(help="Shares of the training events, with commas.")] = "1",
    ks: Annotated[str, typer.Option("--ks", "--k", "-k", help=KS)] = "10,20",
    final: Annotated[
        bool, typer.Option("--final", help="Open the sealed test part, once per run, and record it.")
    ] = False,
    history: HistoryOption = None,
    data: MovedData = None,
    json: Annotated[
        bool, typer.Option("--json", help="JSON lines: one line per figure or difference.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Start anew where a comparison is.")] = False,
) -> None:
    """Compare specs on the same split, seeds and users: each minus the first, with intervals.

    Every spec is fitted once per seed and share of the clicks, and measured on cold, warm and all
    items; brackets are 95 % intervals over users and seeds. A spec is named after its file. Runs are
    kept in the folder: a comparison that was cut off goes on when the same line is given again. The
    folder's comparison.json is the whole record. docs/compare.md says how to read it.

    Example:
        sidelight train split/ --show > sharp.toml
        sidelight train split/ --show | sed 's/^power = 3.0/power = 1.0/' > flat.toml
        sidelight compare split/ flat.toml sharp.toml -o comparison/ --seeds 2
    """
    from sidelight.experiment.compare import compare as run_comparison

    specs = _arms(arms or [], ablate)
    cuts, shares = parse_cutoffs(ks), parse_numbers(keep, float, "shares with commas, as 1,0.5")
    found = load_split(split, data)
    with progress() as report:
        result = run_comparison(
            found, specs, seeds=seeds, part="test" if final else "validation", final=final, keep=shares,
            metric=f"ndcg@{max(cuts)}", ks=cuts, folder=output, progress=report, force=force,
            log=split.resolve().parent / OPENINGS, history=history,
        )  # fmt: skip
    _show(result, _write(result, output), json)


def _write(found: Comparison, output: Path) -> dict[str, Any]:
    """Write the record with the command, and the page where jinja2 is installed."""
    import shlex
    import sys

    from sidelight.experiment import runs
    from sidelight.json_files import write_json

    record = found.to_dict() | {"command": shlex.join(["sidelight", *sys.argv[1:]])}
    write_json(record, output / runs.RECORD)
    note(f"record: {output / runs.RECORD}")
    try:
        from sidelight.report.page import write

        note(f"page: {write(record, output / 'report.html', force=True)}")
    except ImportError as error:
        note(f"no page: {error}")
    return record


def _arms(paths: list[Path], ablate: Path | None) -> dict[str, Any]:
    """Return specs by the names of their files, or the ablations of one."""
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


def _show(found: Comparison, record: dict[str, Any], json: bool) -> None:
    if not json:
        print(found.table())
        return
    about = ("part", "metric", "level", "baseline", "seeds", "keeps", "data", "split", "history", "made")
    lines = [{"record": "comparison", **{name: record[name] for name in (*about, "answer")}}]
    lines += [{"record": "figure", **each} for each in record["figures"]]
    emit([*lines, *({"record": "difference", **each} for each in record["differences"])], json=True)
