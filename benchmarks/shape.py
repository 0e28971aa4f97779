"""The one shape of every benchmark: its arguments, and the JSON object that it ends with.

A benchmark is `python benchmarks/NAME.py --data DIR [-o benchmarks/results/NAME.json]`::

    run = shape.start("citeulike_cold")          # parses the command line, starts the clock
    ...                                          # progress on standard error
    shape.emit("citeulike_cold", figures, intervals, seconds=run.seconds(), peak_mb=shape.peak_mb(),
               out=run.out, data_fingerprint=fingerprint)
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import resource
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sidelight.evaluation.statistics import Interval
from sidelight.manifest import package_versions

ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path("benchmarks/results")
PACKAGES = ("sidelight", "numpy", "scipy", "scikit-learn", "polars", "torch", "sentence-transformers")


class Run(argparse.Namespace):
    """Arguments of a benchmark: `data` (Path), `out` (Path), and what the benchmark added."""

    data: Path
    out: Path
    started: float

    def seconds(self) -> float:
        """Wall-clock seconds since `start`."""
        return time.perf_counter() - self.started


def start(
    name: str,
    argv: Sequence[str] | None = None,
    options: Callable[[argparse.ArgumentParser], object] | None = None,
    needs_data: bool = True,
) -> Run:
    """Parse the command line of a benchmark and start its clock.

    Args:
        name: The benchmark's name: its script and its results file.
        argv: Arguments; None reads the command line.
        options: Called with the parser, to add options of the benchmark's own.
        needs_data: False for a benchmark on synthetic data: `--data` is then not asked for.
    """
    parser = argparse.ArgumentParser(prog=f"benchmarks/{name}.py")
    if needs_data:
        place = os.environ.get("SIDELIGHT_DATA")
        parser.add_argument("--data", type=Path, default=place and Path(place), required=not place)
    parser.add_argument("-o", "--out", type=Path, default=ROOT / RESULTS / f"{name}.json")
    if options is not None:
        options(parser)
    run = parser.parse_args(argv, Run(started=time.perf_counter()))
    if needs_data and not run.data.is_dir():
        parser.error(f"--data: expected a folder; found no folder {run.data}")
    return run


def collect(
    found: Mapping[str, Interval],
    prefix: str,
    figures: dict[str, float],
    intervals: dict[str, tuple[float, float]],
) -> None:
    """Put means and intervals of figures into those of the benchmark, the prefix before their names."""
    for name, interval in found.items():
        figures[f"{prefix}{name}"] = interval.mean
        intervals[f"{prefix}{name}"] = (interval.low, interval.high)


def emit(
    name: str,
    figures: Mapping[str, float],
    intervals: Mapping[str, Sequence[float]],
    seconds: float,
    peak_mb: float,
    out: Path | None,
    data_fingerprint: str | Mapping[str, str],
    **extra: Any,
) -> dict[str, Any]:
    """Write the result file and print the same object as the last line of standard output.

    Args:
        name: The benchmark's name.
        figures: Flat, dotted names: `<model>.<slice>.<metric>`, e.g. "blend.cold.ndcg@20".
        intervals: 95 % intervals (low, high) under names that are in `figures`.
        seconds: Wall-clock time of the whole run.
        peak_mb: Largest resident memory in megabytes, see `peak_mb`.
        out: Where to write, or None for standard output only.
        data_fingerprint: sha256 of the data, or one by data set; "synthetic..." where it was made.
        extra: Anything else worth keeping, JSON-able.
    """
    unknown = sorted(set(intervals) - set(figures))
    if unknown:
        raise ValueError(f"intervals without a figure: {unknown}")
    strange = sorted(key for key, value in figures.items() if not math.isfinite(value))
    if strange:
        raise ValueError(f"figures that are not finite: {strange}")
    result = {
        "name": name,
        "command": _command(name, sys.argv[1:], not str(data_fingerprint).startswith("synthetic")),
        "commit": commit(),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "data": data_fingerprint if isinstance(data_fingerprint, str) else dict(data_fingerprint),
        "figures": {key: float(value) for key, value in figures.items()},
        "intervals": {key: [float(low), float(high)] for key, (low, high) in intervals.items()},
        "seconds": round(seconds, 2),
        "peak_mb": round(peak_mb, 1),
        **extra,
    }
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(result, indent=1, sort_keys=False) + "\n", encoding="utf-8")
    print(json.dumps(result), flush=True)
    return result


def join(paths: Sequence[Path], result: dict[str, dict[str, Any]]) -> tuple[dict[str, str], float]:
    """Add what was measured before on other data sets: the commit of each, and the seconds of them all.

    A grid over several data sets takes hours: each set may be run by itself and put beside the others.

    Args:
        paths: Result files of the same benchmark.
        result: "figures", "intervals", "data" and any other field that has an entry a data set; added to.

    Raises:
        ValueError: Two of them measured the same data set.
    """
    commits: dict[str, str] = {}
    seconds = 0.0
    for path in paths:
        found = json.loads(path.read_text(encoding="utf-8"))
        twice = sorted(set(found["data"]) & set(result["data"]))
        if twice:
            raise ValueError(f"{path}: {twice[0]} has been measured by another run; leave one of them out")
        sets = tuple(found["data"])
        for field, entries in result.items():
            entries.update({k: v for k, v in found[field].items() if k.startswith(sets)})
        commits |= {name: found.get("joined", {}).get(name, found["commit"]) for name in sets}
        seconds += found["seconds"]
    return commits, seconds


def whole(name: str, sets: Iterable[str]) -> str:
    """The command that measures several data sets in one run."""
    return f"python benchmarks/{name}.py --data $SIDELIGHT_DATA --sets {' '.join(sets)}"


def note(text: str) -> None:
    """One line of progress on standard error."""
    print(text, file=sys.stderr, flush=True)


def peak_mb() -> float:
    """Largest resident memory of this process so far, in megabytes (2**20 bytes)."""
    found = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return found / (2**20 if sys.platform == "darwin" else 2**10)


def commit() -> str:
    """The commit that is checked out, with "+" when tracked files differ from it."""

    def git(*args: str) -> str:
        found = subprocess.run(["git", *args], cwd=ROOT, capture_output=True, text=True, check=False)
        return found.stdout.strip() if found.returncode == 0 else ""

    head = git("rev-parse", "--short=10", "HEAD")
    changed = git("status", "--porcelain", "--untracked-files=no", "--", "src", "benchmarks/*.py")
    return f"{head}+" if head and changed else head or "none"


def machine() -> dict[str, Any]:
    """What the figures were measured on: hardware and versions, nothing that names the place."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(memory, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": package_versions(PACKAGES),
    }


def _command(name: str, argv: Sequence[str], needs_data: bool) -> str:
    """The command line to repeat a run, free of the places on the machine that ran it."""
    # Without --collect the same command measures what is missing, and then collects.
    script = Path(sys.argv[0]).stem  # whose results under other options have a longer name
    script = script if name.startswith(f"{script}_") else name
    words, rest = [f"python benchmarks/{script}.py"], [each for each in argv if each != "--collect"]
    if needs_data:
        words.append("--data $SIDELIGHT_DATA")
    while rest:
        word = rest.pop(0)
        if word in ("--data", "-o", "--out"):
            rest = rest[1:]
        elif not word.startswith(("--data=", "--out=")):
            words.append("PATH" if word.startswith("/") else shlex.quote(word))
    return " ".join([*words, f"-o {RESULTS / name}.json"])


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()
