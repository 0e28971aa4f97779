"""How long does one list take over 100,000 items x 128, and how much of bare numpy is left?

Bars: p99 under 15 ms at 50 requests a second with the client on the same machine; one request after
the other at 60 % of the bare loop (product and best 20) in numpy, batches at 80 % of it.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import service
import serving_size
import shape
from threadpoolctl import threadpool_limits

from sidelight.serving.bundle import load

RATE, K, BATCH = 50.0, 20, 64


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--users", type=int, default=50_000)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--for-seconds", type=float, default=30.0)


def bare(vectors: np.ndarray, users: np.ndarray, seconds: float) -> float:
    """Lists a second of the product and the best k in order, in numpy on one thread."""
    done, started = 0, time.perf_counter()
    with threadpool_limits(1):
        while time.perf_counter() - started < seconds:
            scores = users @ vectors.T
            best = np.argpartition(scores, -K, axis=1)[:, -K:]
            np.take_along_axis(best, np.argsort(np.take_along_axis(scores, best, 1), axis=1), 1)
            done += len(users)
    return done / (time.perf_counter() - started)


def closed(port: int, path: str, bodies: list[object], each: int, seconds: float) -> float:
    """Lists a second over one connection, one request after the other."""
    connection, done, started = service.Connection(port), 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        status, answer = connection.ask("POST", path, bodies[(done // each) % len(bodies)])
        if status != 200:
            raise SystemExit(f"{path}: {status} {answer}")
        done += each
    return done / (time.perf_counter() - started)


def main() -> None:
    """Measure bare and served in turn, so that both see the same machine."""
    run = shape.start("serving_latency", options=options, needs_data=False)
    with service.folder() as name:
        place = Path(name)
        shape.note(f"making a bundle of {run.items:,} x {run.dim}")
        bundle = serving_size.bundle(place, run.items, run.users, run.dim)
        model = load(bundle)
        vectors = model.scorer.vectors
        rng = np.random.default_rng(0)
        people = [str(u) for u in rng.choice(model.people.ids, 500, replace=False)]
        single = [{"user": user, "k": K} for user in people]
        many = [{"requests": single[at : at + BATCH]} for at in range(0, 448, BATCH)]
        users = rng.standard_normal((BATCH, run.dim)).astype(np.float32)
        figures: dict[str, float] = {"items": run.items, "users": run.users, "dim": run.dim}
        with service.Service(bundle, place, "--rate", "0", "--log", "warning") as served:
            service.load(served.port, single, RATE, lambda at: at >= 100)
            found = service.load(served.port, single, RATE, lambda at: at >= RATE * run.for_seconds)
            if found.failed:
                raise SystemExit(f"{len(found.failed)} requests failed: {found.failed[0]}")
            figures |= {f"ms.p{q}": found.p(q) for q in (50, 90, 99)} | {"requests": len(found.seconds)}
            shape.note(f"{figures}")
            rounds = []
            for _ in range(5):
                rounds.append((
                    bare(vectors, users[:1], 2.0), closed(served.port, "/v1/recommend", single, 1, 2.0),
                    bare(vectors, users, 3.0), closed(served.port, "/v1/recommend/batch", many, BATCH, 3.0),
                ))  # fmt: skip
            figures["resident_mb"] = served.resident_mb()
    one, answered, batch, answered_batch = np.median(np.array(rounds), axis=0)
    figures |= {
        "lists_per_second.bare": one, "lists_per_second.served": answered,
        "lists_per_second.bare_batch": batch, "lists_per_second.served_batch": answered_batch,
        "share_of_bare.single": float(np.median([r[1] / r[0] for r in rounds])),
        "share_of_bare.batch": float(np.median([r[3] / r[2] for r in rounds])),
    }  # fmt: skip
    shape.emit(
        "serving_latency", figures, {}, run.seconds(), shape.peak_mb(), run.out,
        f"synthetic seed {serving_size.SEED}", bars={"ms.p99": 15.0, "single": 0.6, "batch": 0.8},
    )  # fmt: skip


if __name__ == "__main__":
    main()
