"""A made-up lending library: sixty books with titles that a reader can judge, and readers with tastes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from sidelight.data.dataset import Dataset
from sidelight.data.read import from_frames

SHELVES: dict[str, tuple[list[str], str]] = {
    "sea": (["sea", "islands"], """
        The Salt Road North|A skipper carries salt and letters along a coast of ice and lighthouses.
        Lanterns of the Outer Isles|Three lighthouse keepers write to each other through a winter of storms.
        A Harbour Without Ships|A harbour town waits for the fleet that left before the great storm.
        The Tide Clerk|A clerk in a harbour office learns to read the sea from its ledgers.
        Nine Knots to Morning|A night crossing in a small sailing boat, told by the youngest sailor.
        Kelp and Candlelight|Letters between a lighthouse keeper and a gatherer of kelp.
        The Cartographer of Shoals|A mapmaker charts the islands that move with the tide.
        Under a Patched Sail|Two sisters sail their father's boat around the northern islands.
        The Last Ferry to Anskar|A ferry, a storm, and passengers who all have a reason to cross.
        Song for a Drowned Bell|Divers look for the bell of a harbour church under the sea."""),
    "mystery": (["detective", "city"], """
        The Clockmaker's Alibi|A detective in a rainy city doubts the only witness: a clock.
        Eleven Doors on Miller Street|A murder in a house with eleven tenants and one detective.
        The Ink Was Still Wet|A forged will, a dead notary and a patient inspector.
        Murder at the Reading Room|A librarian turns detective when a reader does not wake.
        The Inspector Eats Alone|An inspector solves a poisoning between two courses.
        A Witness in Yellow|The city remembers a yellow coat; the detective remembers the shoes.
        What the Tram Driver Saw|A murder on the last tram and eight seconds that are missing.
        The Second Key|A locked room, two keys, and a detective who trusts neither.
        Death of a Crossword|A setter of puzzles is found with the murder hidden in his grid.
        The Quiet Pawnbroker|A pawnbroker knows every thief in the city, and one murderer."""),
    "garden": (["garden", "nature"], """
        A Year Among Beans|A diary of a kitchen garden from the first seed to the last jar.
        The Orchard Keeper's Daughter|An old orchard, its apples, and the family that prunes it.
        Soil: A Love Story|What lives under a garden, told by somebody who digs.
        Hedges and How to Lose Them|A light-hearted guide to a garden that grows by itself.
        The Moss Book|Small plants of woods and walls, with drawings.
        Bees at the Back Door|Keeping bees in a small garden behind a town house.
        Winter Pruning|Essays on gardens in the months when nothing seems to grow.
        The Seed Exchange|Neighbours trade seeds, recipes and long memories.
        Forty Trees I Have Known|A forester's portraits of trees, from birch to yew.
        The Weed Atlas|Plants that nobody asked for and what they are good for."""),
    "space": (["space", "future"], """
        The Slow Ship Marigold|A ship that needs three hundred years, and its garden deck.
        Orbit of the Glass Moon|Engineers repair a moon that was built by others.
        Postcards from Proxima|Letters from a station that takes four years to answer.
        The Cosmonaut's Apprentice|A girl learns to fly on a worn-out orbital station.
        A Library on Ceres|The last paper library in space and its stubborn keeper.
        Vacuum Season|Miners on an asteroid wait for the supply ship.
        The Robot Who Kept Bees|A robot on an empty station learns from bees.
        Gravity Well|A pilot has one landing left and two places to go.
        Signals in the Rust|A rover on Mars hears something that answers.
        The Long Night of Titan|A winter of thirty years on a moon with orange rain."""),
    "cooking": (["food", "home"], """
        Bread in Three Sentences|Plain recipes for bread, each short enough to remember.
        The Onion Comes First|A cook explains why every good dish begins alike.
        Soups for Difficult Days|Forty soups, from clear to comforting.
        Salt, Smoke and Patience|Preserving food the slow way: salt, smoke, vinegar.
        The Pickle Almanac|Vegetables in jars, a recipe for every month.
        My Grandmother's Noodles|A family, its kitchen and its noodles, with recipes.
        Supper Under the Stairs|Small kitchens and the large meals cooked in them.
        The Honest Omelette|A cook's essays on eggs, butter and attention.
        Beans: A Cookbook|Sixty recipes for the cheapest food there is.
        Jam Logic|The chemistry of jam for people who like to eat it."""),
    "history": (["past", "letters"], """
        The Letter Carriers of Lund|How post came to the north, on foot and in winter.
        A Short History of Rope|From ships to bridges: the thing that held the past together.
        Ledgers of a Spice House|A trading family and what its ledgers leave out.
        The Bridge at Karsk|Two towns, one river and three hundred years of quarrels.
        Weavers and Kings|How cloth paid for wars, and who wove it.
        The Printer's Three Daughters|A printing house in a city under siege.
        Maps That Lied|Charts with islands that never were, and who drew them.
        Bells of the Lowlands|What a village heard: births, fires, floods, in letters and bells.
        The Clock Tax|A strange tax, a revolt, and the city that lived without clocks.
        Salt: The First Currency|How salt built roads, harbours and kings."""),
}  # fmt: skip
FRESH = {  # nobody has borrowed these yet
    "sea": ["The Lighthouse at the End of Winter|A keeper, a storm and a lighthouse that must not go dark."],
    "mystery": ["The Detective Who Hated Rain|A detective, a murder and a city under water.",
                "Murder in Small Print|A typesetter finds a murder in the proofs of a city paper."],
    "garden": ["A Garden for the Impatient|What grows fast: seeds, beans and a first year of a garden."],
    "space": ["Greenhouse on Deck Nine|The gardener of a slow ship and a seed from home.",
              "The Last Radio on Europa|A station, a long winter and letters that take hours."],
    "cooking": ["Noodles for One|Recipes for small kitchens and quick suppers."],
    "history": ["The Salt Roads of Europe|How salt and letters travelled, from harbour to harbour."],
}  # fmt: skip
READERS, DAYS = 90, 200
OPENED = datetime(2026, 1, 5, tzinfo=UTC)


def books() -> list[dict[str, object]]:
    """Rows of the item table, the new ones last."""
    old = [
        _book(line, shelf, tags)
        for shelf, (tags, text) in SHELVES.items()
        for line in text.strip().split("\n")
    ]
    new = [_book(line, shelf, SHELVES[shelf][0]) for shelf, lines in FRESH.items() for line in lines]
    rows = [*old, *new]
    for number, row in enumerate(rows):
        row["item_id"] = f"b{number + 1:03d}"
        row["year"] = 2026.0 if number >= len(old) else float(1988 + (number * 7) % 37)
        row["pages"] = float(120 + (number * 53) % 400)
    return rows


def _book(line: str, shelf: str, tags: list[str]) -> dict[str, object]:
    title, _, text = line.strip().partition("|")
    return {"title": title, "description": text, "shelf": shelf, "subjects": tags}


def loans(seed: int = 11) -> list[dict[str, object]]:
    """Who borrowed what and when: most on one or two shelves of their own."""
    rng, rows, found = np.random.default_rng(seed), books(), []
    shelves = list(SHELVES)
    old = [n for n, row in enumerate(rows) if row["year"] != 2026.0]
    shelf = np.array([shelves.index(str(rows[n]["shelf"])) for n in old])
    for reader in range(READERS):
        likes = rng.choice(len(shelves), 2, replace=False)
        weight = np.where(shelf == likes[0], 12.0, np.where(shelf == likes[1], 6.0, 0.6))
        weight = weight / (1.0 + np.arange(len(old)) % 10 * 0.25)
        count = int(rng.integers(4, 15))
        chosen = rng.choice(len(old), count, replace=False, p=weight / weight.sum())
        days = np.sort(rng.random(count)) * DAYS
        for at, day in zip(chosen, days, strict=True):
            when = OPENED + timedelta(days=float(day))
            found.append(
                {
                    "user_id": f"reader-{reader + 1:02d}",
                    "item_id": rows[old[at]]["item_id"],
                    "timestamp": when,
                }
            )
    return found


def library(extra: list[dict[str, object]] = []) -> Dataset:  # noqa: B006
    """The library as a data set; `extra` are more books that nobody has borrowed."""
    items = pl.DataFrame([*books(), *extra], infer_schema_length=None)
    return from_frames(pl.DataFrame(loans()), items=items)
