"""Size of what a service needs on disk, and seconds from its start until it may take traffic.

Bars: under 400 MB (2**20 bytes) without torch, and under 3 s for 100,000 items x 128. The project is
installed with the extras of a service into a new virtual environment, which is made smaller as in the
image of deploy/Dockerfile; that environment then publishes a made-up two-tower bundle with tf-idf titles
to a store and serves it. `--no-start` measures the size alone.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import scipy.sparse as sp
import service
import shape

import sidelight as sl
from sidelight.data.histories import Histories
from sidelight.models.content_space import ContentSpace
from sidelight.models.items import Items
from sidelight.models.people import People
from sidelight.models.recommender import Recommender
from sidelight.models.tower_scorer import TowerScorer

SEED = 13
MEGABYTES, SECONDS = 400.0, 3.0
PROJECT = ("pyproject.toml", "README.md", "LICENSE", "src")


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--users", type=int, default=50_000)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--no-start", action="store_true")


def installed(place: Path) -> Path:
    """A virtual environment with the project and the extras of a service, from a copy of the checkout."""
    source, env = place / "source", place / "env"
    source.mkdir()
    for name in PROJECT:
        found = shape.ROOT / name
        if found.is_dir():
            shutil.copytree(found, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy(found, source / name)
    said(sys.executable, "-m", "venv", str(env))
    pip = [str(env / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    said(*pip, "-c", str(shape.ROOT / "constraints.txt"), f"{source}[serve,postgres]")
    return env


def said(*command: str) -> str:
    """Standard output of a command that must succeed."""
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {found.returncode}: {found.stderr.strip()}")
    return found.stdout


def sizes(env: Path) -> Counter[str]:
    """Megabytes of the files of an environment, by their folder or file in site-packages."""
    found: Counter[str] = Counter()
    [packages] = env.glob("lib/python3*/site-packages")
    for path in env.rglob("*"):
        if path.is_file() and not path.is_symlink():
            inside = path.is_relative_to(packages)
            found[path.relative_to(packages).parts[0] if inside else "(outside)"] += path.stat().st_size
    return Counter({name: size / 2**20 for name, size in found.items()})


def largest(found: Counter[str]) -> dict[str, float]:
    return {name: round(size, 1) for name, size in found.most_common(12)}


def bundle(place: Path, n_items: int, n_users: int, dim: int) -> Path:
    """A two-tower model that nobody trained: random maps of tf-idf titles, random histories."""
    rng = np.random.default_rng(SEED)
    words = np.array(["".join(rng.choice(list("abcdefghiklmnoprstuvw"), 7)) for _ in range(20_000)])
    item_ids = np.array([f"i{at:07d}" for at in range(n_items)])
    titles = [" ".join(row) for row in words[rng.integers(0, len(words), (n_items, 7))].tolist()]
    brands = [f"brand {at}" for at in rng.integers(0, 2000, n_items)]
    items = pl.DataFrame({"item_id": item_ids, "title": titles, "brand": brands})
    text = sl.Text("title")
    encoder, features = text.fit_transform(items)
    space = ContentSpace((encoder,), (features,), (1.0,), (np.zeros(0, np.float32),))
    maps = rng.standard_normal((features.dim, dim)).astype(np.float32)
    draft = TowerScorer(
        np.zeros((0, dim), np.float32), space, (maps,), np.ones(1, np.float32),
        np.zeros(dim, np.float32),
    )  # fmt: skip
    scorer = TowerScorer(draft.place([features]), space, (maps,), draft.gates, draft.default)
    length = rng.integers(1, 20, n_users)
    row = np.repeat(np.arange(n_users), length)
    chance = 1.0 / (10.0 + np.arange(n_items // 2))  # the other half nobody has touched
    touched = rng.choice(n_items // 2, len(row), p=chance / chance.sum())
    histories = sp.csr_matrix((np.ones(len(row), np.float32), (row, touched)), shape=(n_users, n_items))
    histories.data[:] = 1.0
    count = np.asarray(histories.sum(axis=0), dtype=np.float32).ravel()
    user_ids = np.array([f"u{at:07d}" for at in range(n_users)])
    known = Items(item_ids, items, count, f"synthetic seed {SEED}")
    people = People(user_ids, Histories.of_matrix(histories))
    return Recommender(sl.TwoTower(content=(text,), dim=dim), scorer, known, people).save(place / "bundle")


def start(env: Path, store: Path, place: Path) -> dict[str, float]:
    """Seconds until /readyz says 200, processor seconds and memory until then; the service is stopped."""
    began = time.perf_counter()
    with service.Service(store, place, python=env / "bin" / "python") as served:
        found = {
            "start_seconds": time.perf_counter() - began,
            "start_cpu_seconds": served.cpu_seconds(),
            "resident_mb": served.resident_mb(),
        }
        stopped = time.perf_counter()
    return {**found, "stop_seconds": time.perf_counter() - stopped}


def serve(env: Path, place: Path, run: shape.Run) -> dict[str, float]:
    """Publish a bundle with the environment and start the service a few times."""
    shape.note(f"making a bundle of {run.items:,} x {run.dim}")
    made, store = bundle(place, run.items, run.users, run.dim), place / "store"
    began = time.perf_counter()
    said(str(env / "bin" / "sidelight"), "store", "publish", str(store), str(made), "--promote")
    figures = {"publish_seconds": time.perf_counter() - began}
    figures["bundle_mb"] = sum(path.stat().st_size for path in made.rglob("*") if path.is_file()) / 2**20
    found = []
    for at in range(run.starts):
        found.append(start(env, store, place))
        shape.note(f"start {at + 1}: {found[-1]}")
    figures |= {name: statistics.median(each[name] for each in found) for name in found[0]}
    return figures | {"start_seconds_worst": max(each["start_seconds"] for each in found)}


def main() -> None:
    """Install, measure, make smaller, measure, serve, compare with the bars."""
    run = shape.start("serving_size", options=options, needs_data=False)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        shape.note("installing")
        env = installed(place)
        whole = sizes(env)
        said(sys.executable, str(shape.ROOT / "deploy" / "slim.py"), str(env))
        slim = sizes(env)
        torch = sorted(each for each in slim if each.lower().startswith(("torch", "nvidia")))
        if torch:
            raise SystemExit(f"expected an environment without torch; found {torch}")
        figures = {"installed_mb": whole.total(), "slim_mb": slim.total()}
        shape.note(f"{figures}; {largest(slim)}")
        if not run.no_start:
            figures |= {"items": run.items, "users": run.users, "dim": run.dim, **serve(env, place, run)}
    limits = {"installed_mb": MEGABYTES, "slim_mb": MEGABYTES}
    if not run.no_start:
        limits["start_seconds"] = SECONDS
    missed = [each for each, limit in limits.items() if figures[each] >= limit]
    shape.emit(
        "serving_size", figures, {}, run.seconds(), shape.peak_mb(), run.out, f"synthetic seed {SEED}",
        bars={**limits, "missed": missed},
        largest_mb={"installed": largest(whole), "slim": largest(slim)},
    )  # fmt: skip


if __name__ == "__main__":
    main()
