"""A hundred swaps and twenty poisoned bundles under load: does any request notice?

Three versions of one model give different lists, so that an answer that mixes two of them is seen.
Bars: at least 10,000 requests, none of them without a 2xx, none mixed, p99 at most twice the quiet p99.
"""

from __future__ import annotations

import argparse
import shutil
import time
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import service
import serving_size
import shape

from sidelight.errors import SidelightError
from sidelight.models.recommender import Recommender
from sidelight.serving.bundle import load
from sidelight.serving.store import version_files
from sidelight.serving.store.store import Store

RATE, K, PEOPLE = 100.0, 10, 200


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--items", type=int, default=5_000)
    parser.add_argument("--users", type=int, default=2_000)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--swaps", type=int, default=100)
    parser.add_argument("--poisoned", type=int, default=20)
    parser.add_argument("--requests", type=int, default=12_000)


def versions(model: Recommender, store: Store) -> dict[str, Recommender]:
    """Three versions whose lists differ: the vectors of the items change places."""
    made, rng = {}, np.random.default_rng(1)
    for name in ("a", "b", "c"):
        vectors = rng.permutation(model.scorer.vectors)
        made[name] = replace(model, scorer=replace(model.scorer, vectors=vectors))
        store.publish(made[name], name)
    return made


def lists(model: Recommender, people: list[str]) -> list[list[str]]:
    """The list of each of them."""
    frame = model.recommend(users=people, k=K)
    return [frame.filter(frame["user_id"] == user)["item_id"].to_list() for user in people]


def promoted(admin: service.Connection, version: str) -> int:
    """Ask the service for a version; the status of its answer."""
    return int(admin.ask("POST", "/v1/versions/promote", {"name": version})[0])


class Poison:
    """Twenty bundles that must not serve, in five kinds.

    Args:
        model: A sound model.
        store: Where they are to be published.
        place: For the bundles.
        admin: To the service.
    """

    def __init__(self, model: Recommender, store: Store, place: Path, admin: service.Connection) -> None:
        self.model, self.store, self.place, self.admin = model, store, place, admin

    def refused(self, at: int) -> bool:
        """Whether the attempt with one of them was refused."""
        kinds = (self._flipped, self._not_a_number, self._wrong_dimension, self._spoilt, self._by_hand)
        return kinds[at % len(kinds)](f"poison-{at}")

    def _flipped(self, name: str) -> bool:
        folder = self.model.save(self.place / name)
        _flip(max(folder.rglob("*.npy"), key=lambda p: p.stat().st_size))
        return self._publish(folder, name)

    def _not_a_number(self, name: str) -> bool:
        vectors = self.model.scorer.vectors.copy()
        vectors[7, 3] = np.nan
        return self._publish(replace(self.model, scorer=replace(self.model.scorer, vectors=vectors)), name)

    def _wrong_dimension(self, name: str) -> bool:
        vectors = self.model.scorer.vectors[:, :-1].copy()
        return self._publish(replace(self.model, scorer=replace(self.model.scorer, vectors=vectors)), name)

    def _spoilt(self, name: str) -> bool:
        """Sound when it was published, damaged on the disk since."""
        self.store.publish(self.model, name)
        _flip(max((self.store.root / "versions" / name).rglob("*.npy"), key=lambda p: p.stat().st_size))
        return 400 <= promoted(self.admin, name) < 500

    def _by_hand(self, name: str) -> bool:
        """Somebody names a damaged version in the file that says what serves."""
        self.store.publish(self.model, name)
        _flip(max((self.store.root / "versions" / name).rglob("*.npy"), key=lambda p: p.stat().st_size))
        current = self.store.root / "CURRENT"
        good = current.read_bytes()
        named = version_files.read_hashed(good, current, "")
        named["serves"]["name"] = name
        current.write_bytes(version_files.hashed(version_files.packed(named)))
        until, said = time.monotonic() + 5.0, {"refused": "", "version": ""}
        while name not in said["refused"] and time.monotonic() < until:
            said = self.admin.ask("GET", "/v1/status")[1]
            time.sleep(0.05)
        current.write_bytes(good)
        return name in said["refused"] and said["version"] != name

    def _publish(self, bundle: Any, name: str) -> bool:
        try:
            self.store.publish(bundle, name)
        except SidelightError:
            return True
        return False


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-40] ^= 0xFF
    path.write_bytes(bytes(data))


def main() -> None:
    """Quiet load, then the same load with swaps and poison."""
    run = shape.start("serving_swaps", options=options, needs_data=False)
    with service.folder() as name:
        place = Path(name)
        store = Store(place / "store")
        made = versions(load(serving_size.bundle(place, run.items, run.users, run.dim)), store)
        store.promote("a")
        people = [str(u) for u in made["a"].people.ids[:PEOPLE]]
        bodies = [{"user": user, "k": K} for user in people]
        right = {each: lists(model, people) for each, model in made.items()}

        def judge(at: int, answer: Any) -> bool:
            expected = right.get(answer["version"])
            return expected is not None and [row["item_id"] for row in answer["items"]] == expected[at]

        with service.Service(store.root, place, "--rate", "0", "--log", "warning") as served:
            admin = service.Connection(served.port)
            poison = Poison(made["a"], store, place / "poison", admin)
            service.load(served.port, bodies, RATE, lambda at: at >= 500)
            quiet = service.load(served.port, bodies, RATE, lambda at: at >= run.requests // 3, judge)
            done = {"swaps": 0, "refused": 0}

            def trouble() -> None:
                every = max(1, run.swaps // run.poisoned)
                for at in range(run.swaps):
                    done["swaps"] += promoted(admin, "abc"[(at + 1) % 3]) == 200
                    if at % every == 0 and at // every < run.poisoned:
                        done["refused"] += poison.refused(at // every)

            troubled = Thread(target=trouble)
            troubled.start()
            busy = service.load(
                served.port, bodies, RATE,
                lambda at: at >= run.requests and not troubled.is_alive(), judge,
            )  # fmt: skip
            troubled.join()
        shutil.rmtree(place / "poison", ignore_errors=True)
    figures: dict[str, float] = {
        **done, "requests": len(busy.seconds), "not_2xx": len(busy.failed) + len(quiet.failed),
        "mixed_or_poisoned_answers": busy.wrong + quiet.wrong,
        "quiet.ms.p50": quiet.p(50), "quiet.ms.p99": quiet.p(99),
        "swapping.ms.p50": busy.p(50), "swapping.ms.p99": busy.p(99),
        "p99_to_quiet_p99": busy.p(99) / quiet.p(99),
    }  # fmt: skip
    shape.note(f"{figures} {busy.failed[:2]}")
    shape.emit(
        "serving_swaps", figures, {}, run.seconds(), shape.peak_mb(), run.out,
        f"synthetic seed {serving_size.SEED}", rate=RATE,
        bars={"requests": 10_000, "not_2xx": 0, "mixed_or_poisoned_answers": 0, "p99_to_quiet_p99": 2.0},
    )  # fmt: skip


if __name__ == "__main__":
    main()
