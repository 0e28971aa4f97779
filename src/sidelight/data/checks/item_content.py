"""Checks of item text and labels: blank, marked up, wrongly decoded, duplicated, not English."""

from __future__ import annotations

import re

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sidelight.data.checks.checked_tables import Check, CheckedTables
from sidelight.data.findings import Finding

PLACEHOLDER = (
    r"(?i)^(n/?a|n\.a\.|nan|null|nil|none|unknown|undefined|missing|tbd|todo|test|\?+|-+|\.+|x{2,}"
    r"|no (title|text|name|description)( available)?|not available|untitled|lorem ipsum.*|#n/a|\(null\))$"
)
HTML = r"</?[a-zA-Z][a-zA-Z0-9]*(\s[^<>]{0,300})?/?>|&([a-zA-Z]{2,8}|#\d{1,6}|#x[0-9a-fA-F]{1,5});"
# UTF-8 read as Latin-1 or Windows-1252: a lead letter, then what a continuation byte turns into.
MOJIBAKE = "[ÃÂ][\u0080-\u00bf\u0152-\u0192\u2013-\u203a\u20ac]|â€|\ufffd|ï¿½"
GLUE = r"\s*[;|,/]\s*"
WORDS = 64  # words of a text that near-duplicate search looks at
ITEMS = 300_000  # items that it looks at
BANDS, WIDTH = 8, 4  # min-hash: pairs with Jaccard .8 meet in a band with probability .985
SAMPLE = 2000  # texts of a column that are looked at
HEAD = 500  # characters of each
ENGLISH = "the of and to in a is for with that on this are was by an from it as be your you or at"
# Short words that are common in one or more of the other languages in Latin letters and are no English.
OTHERS = """der die das und ist mit für von ein eine einer den dem nicht auf zum zur im aus bei le la les des
du et une est pour avec dans sur aux el los las del y con para una por que il lo gli di della per che e un
nel sono o os um uma com não ao na da em het een van voor met zijn en och att det som med är på til og ikke
i w z nie na do jest dla się ve bir ile için bu ja on ei se a az és egy hogy si cu pe de la din dan yang untuk
dengan của và cho là các"""


def texts(t: CheckedTables) -> list[Finding]:
    """Report blank, placeholder, marked-up, and wrongly decoded values, for each text column."""
    found = []
    for table in ("items", "users"):
        for column in t.columns(table, "text", "category"):
            values = t.frame(table)[column.name]
            if values.dtype == pl.String:
                found += _texts(t, table, column.name, values)
    return found


def _texts(t: CheckedTables, table: str, name: str, values: pl.Series) -> list[Finding]:
    bare = values.str.strip_chars()
    empty = bare.str.contains(PLACEHOLDER)
    found = [
        *t.found("blank-text", table, bare == "", "holds nothing but white space", name),
        *t.found("placeholder-text", table, empty, "stands for missing; e.g. {value}", name),
    ]
    patterns = (("html-text", HTML, "markup"), ("wrong-encoding", MOJIBAKE, "wrongly decoded"))
    for defect, pattern, what in patterns:
        rows = values.str.contains(pattern).fill_null(False)
        if rows.any():
            message = f"{what}: {_around(values.filter(rows)[0], pattern)!r}"
            found += t.found(defect, table, rows, message, name)
    return found


def _around(text: str, pattern: str, room: int = 30) -> str:
    """Return the place in a text where a pattern first matches."""
    match = re.search(pattern, text)
    at, end = match.span() if match else (0, 0)
    start, stop = max(0, at - room), min(len(text), end + room)
    return f"{'…' if start else ''}{text[start:stop]}{'…' if stop < len(text) else ''}"


def labels(t: CheckedTables) -> list[Finding]:
    """Report categories and tags of which another spelling is more common, and tags glued together."""
    found = []
    for column in t.columns("items", "category", "tags"):
        values = t.items[column.name]
        if values.dtype not in (pl.String, pl.List(pl.String)):
            continue
        cells = pl.DataFrame({"at": np.arange(len(values)), "label": values})
        cells = (cells if values.dtype == pl.String else cells.explode("label")).drop_nulls()
        if len(cells):
            found += _variants(t, column.name, cells)
            found += _glued(t, column.name, cells) if column.role == "tags" else []
    return found


def _variants(t: CheckedTables, name: str, cells: pl.DataFrame) -> list[Finding]:
    bare = pl.col("label").str.to_lowercase().str.strip_chars().str.replace_all(r"\s+", " ")
    spelt = cells.group_by("label", maintain_order=True).agg(n=pl.len()).with_columns(bare=bare)
    spelt = spelt.filter(pl.col("bare").is_duplicated()).sort("n", descending=True, maintain_order=True)
    rare = spelt.filter(~pl.col("bare").is_first_distinct())
    if not len(rare):
        return []
    rows = cells.filter(pl.col("label").is_in(rare["label"].implode()))
    odd = rows["label"][0]
    usual = spelt.join(rare.filter(pl.col("label") == odd), on="bare")["label"][0]
    message = f"{len(rare):,} labels are other spellings of a commoner one; e.g. {odd!r} beside {usual!r}"
    return t.found("label-variants", "items", rows["at"].unique().to_numpy(), message, name)


def _glued(t: CheckedTables, name: str, cells: pl.DataFrame) -> list[Finding]:
    """Report tags that fall into tags known from other rows when cut at ; | , or /."""
    tags = cells.select("label").unique(maintain_order=True)
    words = tags.filter(pl.col("label").str.contains(r"\p{L}"))  # 10,000 and 24/7 are whole
    parts = pl.col("label").str.replace_all(GLUE, "\x1f").str.split("\x1f")
    pieces = words.select("label", piece=parts).filter(pl.col("piece").list.len() > 1)
    pieces = pieces.explode("piece").with_columns(known=pl.col("piece").is_in(tags["label"].implode()))
    whole = pieces.group_by("label").agg(pl.col("known").all()).filter("known")["label"]
    rows = cells.filter(pl.col("label").is_in(whole.implode()))
    odd = rows["label"][0] if len(rows) else ""
    message = f"one tag is made of several; e.g. {odd!r}"
    return t.found("tag-separator", "items", rows["at"].unique().to_numpy(), message, name)


def copies(t: CheckedTables) -> list[Finding]:
    """Report items with the same text, and items with nearly the same words (Jaccard >= .8).

    All text columns of an item are taken together. Near copies are met through banded min-hashes
    (Broder, 1997) over the first 64 words and then compared word set by word set; the search stops
    at 300,000 items.
    """
    names = [c.name for c in t.columns("items", "text") if t.items[c.name].dtype == pl.String]
    if not names or len(t.items) < 2:
        return []
    bare = pl.concat_str([pl.col(n).str.head(4000) for n in names], separator=" ", ignore_nulls=True)
    bare = bare.str.normalize("NFC").str.to_lowercase()
    bare = bare.str.replace_all(r"[^\p{L}\p{M}\p{N}]+", " ").str.strip_chars()
    frame = t.items.select("item_id", at=pl.int_range(pl.len()), text=bare).filter(pl.col("text") != "")
    frame = frame.unique("item_id", keep="first", maintain_order=True)
    again = frame.filter(~pl.col("text").is_first_distinct())
    found = []
    if len(again):
        text = again["text"][0]
        twin = frame.filter(pl.col("text") == text)["item_id"][0]
        message = f"the same text as another item; e.g. {{value}} like {twin!r}"
        found += t.found("duplicate-content", "items", again["at"].to_numpy(), message, "item_id")
    rest = frame.filter(pl.col("text").is_first_distinct()).head(ITEMS)
    pairs = _near(rest["text"])
    if len(pairs):
        twin = rest["item_id"][int(pairs[np.argmin(pairs[:, 1]), 0])]
        message = f"nearly the same words as another item; e.g. {{value}} like {twin!r}"
        later = rest["at"].to_numpy()[np.unique(pairs[:, 1])]
        found += t.found("near-duplicate-content", "items", later, message, "item_id")
    return found


def _near(text: pl.Series) -> NDArray[np.int64]:
    """Find pairs (earlier, later) of rows whose sets of words have Jaccard >= .8, int64 (n_pairs, 2)."""
    words = pl.DataFrame({"row": np.arange(len(text)), "word": text.str.split(" ").list.head(WORDS)})
    words = words.explode("word").unique(maintain_order=True)
    many = words.group_by("row", maintain_order=True).len()
    words = words.filter(pl.col("row").is_in(many.filter(pl.col("len") >= 4)["row"].implode()))
    if not len(words):
        return np.empty((0, 2), dtype=np.int64)
    row = words["row"].to_numpy()
    starts = np.flatnonzero(np.r_[True, row[1:] != row[:-1]])
    codes = words["word"].hash(0).to_numpy()  # among a million words, two alike by chance: 3e-8
    pairs = _meet(codes, starts)
    sizes = np.diff(np.r_[starts, len(row)])
    return row[starts][pairs[_jaccard(codes, starts, sizes, pairs) >= 0.8]]


def _meet(hashes: NDArray[np.uint64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Find pairs of sets, as positions in `starts`, that share the min-hashes of a band."""
    rng = np.random.default_rng(0)
    odd = rng.integers(1, 2**63, size=BANDS * WIDTH, dtype=np.uint64) | np.uint64(1)
    met: list[NDArray[np.int64]] = []
    for band in range(BANDS):
        key = np.zeros(len(starts), dtype=np.uint64)
        for a in odd[band * WIDTH : (band + 1) * WIDTH]:
            mixed = hashes * a  # modulo 2**64
            mixed ^= mixed >> np.uint64(29)
            key = key * np.uint64(0x9E3779B97F4A7C15) + np.minimum.reduceat(mixed, starts)
        order = np.argsort(key, kind="stable")
        same = np.flatnonzero(key[order][1:] == key[order][:-1])
        # Each row is compared with the one before it in its band: linear, whatever the band's size.
        met.append(np.sort(np.stack([order[same], order[same + 1]], axis=1), axis=1))
    return np.unique(np.concatenate(met), axis=0)


def _jaccard(
    codes: NDArray[np.uint64], starts: NDArray[np.int64], sizes: NDArray[np.int64], pairs: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Compute |A and B| / |A or B| of each pair of sets."""
    out = np.zeros(len(pairs))
    for k, (i, j) in enumerate(pairs):
        one, two = codes[starts[i] : starts[i] + sizes[i]], codes[starts[j] : starts[j] + sizes[j]]
        shared = len(set(one.tolist()) & set(two.tolist()))
        out[k] = shared / (len(one) + len(two) - shared)
    return out


def languages(t: CheckedTables) -> list[Finding]:
    """Report text columns of the items that are mostly not English, by their letters and short words."""
    found = []
    for column in t.columns("items", "text"):
        values = t.items[column.name]
        if values.dtype != pl.String:
            continue
        foreign = _foreign(values)
        if foreign is not None and foreign.any():
            message = "most texts are not English; e.g. {value}"
            found += t.found("not-english", "items", foreign.to_numpy(), message, column.name)
    return found


def _foreign(values: pl.Series) -> pl.Series | None:
    """Mark texts that look foreign, bool per row; None where most of a sample do not."""
    known = np.flatnonzero((values.str.strip_chars().str.len_chars() > 0).fill_null(False).to_numpy())
    if not len(known):
        return None
    few = known[np.linspace(0, len(known) - 1, min(len(known), SAMPLE)).astype(np.int64)]
    sample = _marks(values.gather(few))
    script, foreign, english = sample["script"], sample["foreign"].sum(), sample["english"].sum()
    latin = int((~script).sum())
    spoken = foreign > 2 * english and foreign >= max(3, 0.1 * latin)
    if float(script.mean() or 0) <= 0.5 and not (spoken and latin > 0.5 * len(few)):  # type: ignore[arg-type]
        return None
    every = _marks(values)
    return every["script"] | (every["foreign"] > every["english"]) if spoken else every["script"]


def _marks(values: pl.Series) -> pl.DataFrame:
    """Return for each text whether most letters are not Latin, and its foreign and English words.

    Foreign are short common words of other languages, and words with other letters than a to z.
    """
    text = pl.lit(values).str.head(HEAD).str.to_lowercase().fill_null("")
    words = text.str.extract_all(r"\p{Latin}+")
    english = ENGLISH.split()
    other = sorted(set(OTHERS.split()) - set(english))
    return pl.select(
        script=text.str.count_matches(r"\p{L}") > 2 * text.str.count_matches(r"\p{Latin}"),
        foreign=words.list.eval(pl.element().is_in(other) | pl.element().str.contains(r"[^\x00-\x7f]"))
        .list.sum()
        .fill_null(0),
        english=words.list.eval(pl.element().is_in(english)).list.sum().fill_null(0),
    )


def links(t: CheckedTables) -> list[Finding]:
    """Report links to ids that no item has."""
    found = []
    for column in t.columns("items", "links"):
        values = t.items[column.name]
        if not isinstance(values.dtype, pl.List):
            continue
        cells = pl.DataFrame({"at": np.arange(len(values)), "id": values}).explode("id").drop_nulls()
        outside = cells.filter(~pl.col("id").is_in(t.items["item_id"].cast(pl.String).implode()))
        if len(outside):
            share = len(outside) / len(cells)
            message = f"{share:.0%} of the links lead to ids that no item has; e.g. {outside['id'][0]!r}"
            rows = outside["at"].unique().sort().to_numpy()
            found += t.found("outside-link", "items", rows, message, column.name)
    return found


CHECKS: tuple[Check, ...] = (texts, labels, links, copies, languages)
