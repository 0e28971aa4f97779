"""Time and memory of `sidelight check` on 1,000,000 interactions x 100,000 items, as CSV and as Parquet.

Bar: under 20 s and 2 GB on two cores. The tables are made up: text ids, ISO times, titles of a large
vocabulary, brands, tags, prices, release dates, sensitive user columns with consent. The command runs
as its own process, as a person would run it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl
import shape

SEED = 11
DAY = 86_400_000_000
START = 1_700_000_000_000_000  # 2023-11-14
SECONDS, MEGABYTES = 20.0, 2048.0


def sizes(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--users", type=int, default=50_000)


def tables(n_events: int, n_items: int, n_users: int) -> dict[str, pl.DataFrame]:
    """Interactions, items and users without a planted defect; popularity falls as 1 / rank."""
    rng = np.random.default_rng(SEED)
    chance = 1.0 / (1.0 + np.arange(n_items))
    item = rng.choice(n_items, n_events, p=chance / chance.sum())
    user = rng.integers(0, n_users, n_events)
    when = START + rng.integers(0, 365 * DAY, n_events)
    words = np.array(["".join(rng.choice(list("abcdefghiklmnoprstuvw"), 7)) for _ in range(20_000)])
    kinds = ["outdoor", "indoor", "spring", "summer", "autumn", "winter", "small", "large"]
    title = words[rng.integers(0, len(words), (n_items, 7))]
    text = words[rng.integers(0, len(words), (n_items, 25))]
    item_id, user_id = _ids("i", np.arange(n_items)), _ids("u", np.arange(n_users))
    return {
        "interactions": pl.DataFrame(
            {"user_id": user_id[user], "item_id": item_id[item], "timestamp": _iso(when), "weight": 1.0}
        ),
        "items": pl.DataFrame(
            {
                "item_id": item_id,
                "title": [" ".join(row) for row in title.tolist()],
                "description": [" ".join(row) for row in text.tolist()],
                "brand": _ids("brand ", rng.integers(0, 2000, n_items)),
                "themes": ["|".join(sorted(rng.choice(kinds, 3, replace=False))) for _ in range(n_items)],
                "price": rng.lognormal(3, 0.6, n_items).round(2),
                "released": _iso(START - rng.integers(1, 900, n_items) * DAY).str.head(10),
            }
        ),
        "users": pl.DataFrame(
            {
                "user_id": user_id,
                "country": _ids("country ", rng.integers(0, 40, n_users)),
                "gender": np.array(["f", "m"])[rng.integers(0, 2, n_users)],
                "consent": np.array(["yes", "no"])[(rng.random(n_users) < 0.1).astype(int)],
            }
        ),
    }


def _ids(letter: str, numbers: np.ndarray) -> pl.Series:
    return pl.Series(numbers).cast(pl.String).str.pad_start(6, "0").to_frame("n").select(
        pl.concat_str(pl.lit(letter), "n")
    ).to_series()  # fmt: skip


def _iso(when: np.ndarray) -> pl.Series:
    return pl.Series(when).cast(pl.Datetime("us")).dt.strftime("%Y-%m-%dT%H:%M:%SZ")


def measure(folder: Path, out: Path) -> tuple[dict[str, float], dict[str, object]]:
    """Wall and processor seconds, peak resident megabytes, and summary of one run of the command."""
    command = [sys.executable, "-c", "from sidelight.cli.main import run; run()"]
    words = [*command, "check", str(folder), "-o", str(out), "--json"]
    started = time.perf_counter()
    with (folder.parent / "stdout").open("w+b") as stdout:
        child = subprocess.Popen(words, stdout=stdout)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        stdout.seek(0)
        lines = stdout.read().decode().splitlines()
    if child.returncode:
        raise SystemExit(f"sidelight check ended with exit code {child.returncode}")
    cost = {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_mb": round(usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10), 1),
    }
    return cost, json.loads(lines[0])


def main() -> None:
    """Make the tables, check them in both forms, compare with the bars."""
    run = shape.start("check_scale", options=sizes, needs_data=False)
    figures: dict[str, float] = {"events": run.events, "items": run.items, "users": run.users}
    with tempfile.TemporaryDirectory() as place:
        made = tables(run.events, run.items, run.users)
        for form in ("csv", "parquet"):
            folder = Path(place) / form
            folder.mkdir()
            for name, frame in made.items():
                path = folder / f"{name}.{form}"
                frame.write_csv(path) if form == "csv" else frame.write_parquet(path)
            print(f"{form}: made; checking", file=sys.stderr)
            cost, summary = measure(folder, Path(place) / f"{form}-out")
            print(f"{form}: {cost}; {summary}", file=sys.stderr)
            figures |= {f"{form}.{what}": value for what, value in cost.items()}
    limits = {"seconds": SECONDS, "peak_mb": MEGABYTES}
    names = [f"{form}.{what}" for form in ("csv", "parquet") for what in limits]
    missed = [name for name in names if figures[name] > limits[name.split(".")[1]]]
    peak = max(figures["csv.peak_mb"], figures["parquet.peak_mb"])
    bars = {**limits, "missed": missed}
    shape.emit("check_scale", figures, {}, run.seconds(), peak, run.out, f"synthetic seed {SEED}", bars=bars)


if __name__ == "__main__":
    main()
