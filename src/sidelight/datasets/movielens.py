"""Conversion of the MovieLens archives to tables (GroupLens; Harper and Konstan, 2015).

Every rating is an event and its stars are the weight: a film rated 1 was watched all the same. Filter on
weight >= 4 where only liking should count.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import polars as pl

from sidelight.data.schema import Column, Schema
from sidelight.data.schema_file import write_schema
from sidelight.errors import DataError, complain
from sidelight.progress import Progress

GENRES_100K = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama",
    "Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip
AGES_1M = {
    "1": "under 18", "18": "18-24", "25": "25-34", "35": "35-44", "45": "45-49", "50": "50-55", "56": "56+",
}  # fmt: skip
_EVENT = ("user_id", "item_id", "weight", "timestamp")


def ml_100k(archive: Path | None, folder: Path, progress: Progress | None = None) -> dict[str, Any]:
    """Convert MovieLens 100K: interactions, items with release date and genres, users with demographics."""
    with _opened(archive) as files:
        log = _table(files, "ml-100k/u.data", "\t", _EVENT)
        films = _table(
            files, "ml-100k/u.item", "|", ("item_id", "title", "released", "_", "_url", *GENRES_100K)
        )
        users = _table(files, "ml-100k/u.user", "|", ("user_id", "age", "gender", "occupation", "zip_code"))
    flags = pl.concat_list(pl.when(pl.col(g) == "1").then(pl.lit(g)) for g in GENRES_100K[1:])
    films = films.select(
        "item_id",
        "title",
        flags.list.drop_nulls().list.join("|").replace("", None).alias("genres"),
        pl.col("released").str.to_date("%d-%b-%Y", strict=False).dt.to_string("%Y-%m-%d"),
    )
    roles = [Column("genres", "tags"), Column("released", "timestamp")]
    return _written(folder, log, films, roles, users, [Column("age", "number", sensitive=True)])


def ml_1m(archive: Path | None, folder: Path, progress: Progress | None = None) -> dict[str, Any]:
    """Convert MovieLens 1M: interactions, items with genres, users with demographics."""
    with _opened(archive) as files:
        log = _table(files, "ml-1m/ratings.dat", "::", _EVENT)
        films = _table(files, "ml-1m/movies.dat", "::", ("item_id", "title", "genres"))
        users = _table(files, "ml-1m/users.dat", "::", ("user_id", "gender", "age", "occupation", "zip_code"))
    users = users.with_columns(pl.col("age").replace(AGES_1M))
    age = [Column("age", "category", sensitive=True)]
    return _written(folder, log, films, [Column("genres", "tags")], users, age)


def ml_latest_small(archive: Path | None, folder: Path, progress: Progress | None = None) -> dict[str, Any]:
    """Convert MovieLens latest-small: interactions and items with genres; there is no user table."""
    with _opened(archive) as files:
        log = _table(files, "ml-latest-small/ratings.csv", ",", _EVENT, 1)
        films = _table(files, "ml-latest-small/movies.csv", ",", ("item_id", "title", "genres"), 1)
    films = films.with_columns(pl.col("genres").replace("(no genres listed)", None))
    return _written(folder, log, films, [Column("genres", "tags")])


def _opened(archive: Path | None) -> zipfile.ZipFile:
    try:
        if archive is None:
            raise OSError("no archive")
        return zipfile.ZipFile(archive)
    except (OSError, zipfile.BadZipFile) as error:
        fix = "remove it and fetch it again"
        raise DataError(complain("a zip archive", str(error), str(archive), fix)) from None


def _table(
    files: zipfile.ZipFile, name: str, separator: str, columns: tuple[str, ...], header: int = 0
) -> pl.DataFrame:
    """Read one member of the archive as text columns; only this member is unpacked, into memory."""
    where, fix = str(files.filename), "fetch it again"
    try:
        data = files.read(name)
    except KeyError:
        raise DataError(complain(f"a member {name}", "none", where, fix)) from None
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        raise DataError(complain(f"a readable {name}", str(error), where, fix)) from None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")  # the older sets
    if separator == "::":  # polars takes one character; tabs do not occur in these files
        text, separator = text.replace("::", "\t"), "\t"
    quote = '"' if separator == "," else None
    options: dict[str, Any] = {"has_header": False, "infer_schema": False, "skip_rows": header}
    frame = pl.read_csv(text.encode(), separator=separator, quote_char=quote, **options)
    if frame.width != len(columns):
        raise DataError(complain(f"{len(columns)} columns", f"{frame.width}", name, fix))
    return frame.rename(dict(zip(frame.columns, columns, strict=True)))


def _written(
    folder: Path,
    log: pl.DataFrame,
    films: pl.DataFrame,
    film_roles: list[Column],
    users: pl.DataFrame | None = None,
    age: list[Column] | None = None,
) -> dict[str, Any]:
    log.select("user_id", "item_id", "timestamp", "weight").write_csv(folder / "interactions.csv")
    films.write_csv(folder / "items.csv")
    files = {"interactions": ["interactions.csv"], "items": ["items.csv"]}
    events = tuple(
        Column(name, name, unit="s" if name == "timestamp" else "")
        for name in ("user_id", "item_id", "timestamp", "weight")
    )
    user_columns: tuple[Column, ...] = ()
    if users is not None:
        users.write_csv(folder / "users.csv")
        files["users"] = ["users.csv"]
        user_columns = (
            Column("user_id", "user_id"),
            *(age or []),
            Column("gender", "category", sensitive=True),
            Column("occupation", "category"),
            Column("zip_code", "category", sensitive=True),
        )
    schema = Schema(
        events, (Column("item_id", "item_id"), Column("title", "text"), *film_roles), user_columns
    )
    write_schema(schema, folder / "sidelight.toml", files)
    n_users, n_items = log["user_id"].n_unique(), len(films)
    return {
        "users": n_users,
        "items": n_items,
        "events": len(log),
        "density": len(log) / (n_users * n_items),
    }
