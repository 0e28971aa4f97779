"""Ten minutes of requests, events and new items with 200 reloads: does memory grow, do files stay open?

Bars: memory slope over the run within 5 % of its level, the same number of file descriptors.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from threading import Thread

import numpy as np
import service
import serving_size
import serving_swaps
import shape

from sidelight.serving.bundle import load
from sidelight.serving.store.store import Store

RATE = 40.0


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--items", type=int, default=5_000)
    parser.add_argument("--users", type=int, default=2_000)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--reloads", type=int, default=200)


def main() -> None:
    """Load, reload, and look at the process every second."""
    run = shape.start("serving_soak", options=options, needs_data=False)
    length = 60 * run.minutes
    with service.folder() as name:
        place = Path(name)
        store = Store(place / "store")
        made = serving_swaps.versions(load(serving_size.bundle(place, run.items, run.users, run.dim)), store)
        store.promote("a")
        people = [str(u) for u in made["a"].people.ids[:500]]
        items = [str(i) for i in made["a"].items.ids[:500]]
        bodies = [{"user": user, "k": 10} for user in people]
        with service.Service(store.root, place, "--rate", "0", "--log", "warning") as served:
            began = time.perf_counter()
            rows: list[tuple[float, float, int]] = []
            bad: list[int] = []

            def over(at: int = 0) -> bool:
                return time.perf_counter() - began >= length

            def reload() -> None:
                admin = service.Connection(served.port)
                for at in range(run.reloads):
                    time.sleep(max(0.0, began + (at + 0.5) * length / run.reloads - time.perf_counter()))
                    bad.append(serving_swaps.promoted(admin, "abc"[(at + 1) % 3]))

            def write() -> None:
                # The same people and items again and again: what grows is a leak, not the catalogue.
                connection, at = service.Connection(served.port), 0
                while not over():
                    event = {"user": people[at % 500], "item": items[at % 500], "kind": "click"}
                    bad.append(connection.ask("POST", "/v1/events", {"events": [event]})[0])
                    if at % 50 == 0:
                        row = {"item_id": f"new{at % 20}", "title": f"a title with number {at}"}
                        bad.append(connection.ask("PUT", "/v1/items", {"items": [row]})[0])
                    at += 1
                    time.sleep(0.2)

            def look() -> None:
                while not over():
                    rows.append((time.perf_counter() - began, served.resident_mb(), served.descriptors()))
                    time.sleep(1.0)

            others = [Thread(target=each) for each in (reload, write, look)]
            for each in others:
                each.start()
            found = service.load(served.port, bodies, RATE, over)
            for each in others:
                each.join()
    seen = np.array(rows)
    later = seen[seen[:, 0] > 0.1 * length]  # after the first loads
    slope = float(np.polyfit(later[:, 0], later[:, 1], 1)[0]) * length
    at = np.minimum((10 * seen[:, 0] / length).astype(int), 9)
    tenths = [round(float(np.median(seen[at == each, 1])), 1) for each in range(10)]
    figures = {
        "requests": len(found.seconds), "not_2xx": len(found.failed) + sum(not 200 <= s < 300 for s in bad),
        "reloads": run.reloads, "writes": len(bad) - run.reloads,
        "memory_mb.median": float(np.median(later[:, 1])), "memory_mb.most": float(seen[:, 1].max()),
        "memory_slope_share": slope / float(np.median(later[:, 1])),
        "descriptors.first_minute": float(np.median(seen[seen[:, 0] < 0.1 * length, 2])),
        "descriptors.last_minute": float(np.median(seen[seen[:, 0] > 0.9 * length, 2])),
        "ms.p99": found.p(99),
    }  # fmt: skip
    shape.emit(
        "serving_soak", figures, {}, run.seconds(), shape.peak_mb(), run.out,
        f"synthetic seed {serving_size.SEED}", minutes=run.minutes, memory_mb_by_tenth=tenths,
        bars={"memory_slope_share": 0.05, "not_2xx": 0, "descriptors": "as in the first minute"},
    )  # fmt: skip


if __name__ == "__main__":
    main()
