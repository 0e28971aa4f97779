"""A made-up shop of 80 products: small enough for every test, with tastes that models can find."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

USERS, ITEMS = 60, 80
DRAWS = 790  # of which about 600 are not repeats
OPENED = datetime(2025, 10, 1, tzinfo=UTC)
DAYS = 180  # until the end of March 2026
NEW = 20  # items released one after the other from day 90 on

TOPICS = {
    "garden": ["spade", "rake", "seeds", "planter", "hose", "gloves", "compost", "shears"],
    "kitchen": ["pan", "knife", "whisk", "bowl", "grater", "kettle", "ladle", "apron"],
    "camping": ["tent", "stove", "lantern", "hammock", "rope", "tarp", "flask", "compass"],
    "music": ["guitar", "strings", "capo", "tuner", "amplifier", "pick", "strap", "metronome"],
}
MAKES = ["sturdy", "light", "folding", "classic", "compact", "large"]
BRANDS = {"garden": "Fernhill", "kitchen": "Copperline", "camping": "Northfold", "music": "Stringway"}
TAGS = {"garden": "outdoor", "kitchen": "home", "camping": "outdoor", "music": "home"}


def write(folder: Path) -> Path:
    """Write interactions.csv, items.csv and users.csv; the same bytes on every call."""
    rng = np.random.default_rng(20)
    folder.mkdir(parents=True, exist_ok=True)
    names = list(TOPICS)
    topic = np.arange(ITEMS) % len(names)
    released = np.where(np.arange(ITEMS) < ITEMS - NEW, 0, 90 + 4 * (np.arange(ITEMS) - (ITEMS - NEW)))
    _table(folder / "items.csv", [_item(n, names[topic[n]], rng) for n in range(ITEMS)])
    _table(folder / "users.csv", [_user(n) for n in range(USERS)])
    _table(folder / "interactions.csv", _events(rng, topic, released))
    return folder


def _item(number: int, topic: str, rng: np.random.Generator) -> dict[str, object]:
    thing = TOPICS[topic][int(rng.integers(8))]
    other = TOPICS[topic][int(rng.integers(8))]
    make = MAKES[int(rng.integers(len(MAKES)))]
    return {
        "item_id": f"i{number + 1:02d}",
        "title": f"{make} {thing} no {number + 1}",
        "description": f"A {make} {thing} for {topic}, goes well with the {other}." if number % 5 else "",
        "brand": BRANDS[topic],
        "tags": f"{TAGS[topic]}|{thing}|{make}",
        "price": f"{5 + 45 * rng.random():.2f}",
    }


def _user(number: int) -> dict[str, object]:
    return {"user_id": f"u{number + 1:02d}", "gender": "f" if number % 2 else "m"}


def _events(rng: np.random.Generator, topic: np.ndarray, released: np.ndarray) -> list[dict[str, object]]:
    """Three clicks in four are on the user's own topic; new items sell well after their release."""
    taken: set[tuple[int, int]] = set()
    rows = []
    popular = 1.0 / (1.0 + np.arange(ITEMS) // 4 % 15)
    for at in np.sort(rng.random(DRAWS)) * DAYS:
        user = int(rng.integers(USERS))
        weight = popular * np.where(topic == user % len(TOPICS), 9.0, 1.0)
        weight *= (released <= at) * np.where(released > 0, 3.0, 1.0)
        item = int(rng.choice(ITEMS, p=weight / weight.sum()))
        if (user, item) in taken:
            continue
        taken.add((user, item))
        when = (OPENED + timedelta(days=float(at))).replace(microsecond=0)
        rows.append(
            {"user_id": f"u{user + 1:02d}", "item_id": f"i{item + 1:02d}", "timestamp": when.isoformat()}
        )
    return rows


def _table(path: Path, rows: list[dict[str, object]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
