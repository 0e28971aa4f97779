"""Every defect that `sidelight check` can name: how grave it is, what it means, what to do."""

from __future__ import annotations

from typing import NamedTuple

from sidelight.data.findings import Severity


class Defect(NamedTuple):
    """One kind of defect: its severity, a one-line meaning, and what to do about it."""

    severity: Severity
    meaning: str
    fix: str


FILES: dict[str, Defect] = {
    "byte-order-mark": Defect(
        "note", "the file starts with a byte-order mark", "save it as UTF-8 without BOM"
    ),
    "not-utf8": Defect("warning", "the file is not UTF-8", "convert it, e.g. iconv -f cp1252 -t utf8"),
    "ragged-row": Defect(
        "error", "a row has more or fewer fields than the header", "quote the field or repair the row"
    ),
    "bad-json-line": Defect("error", "a line is not one JSON object", "repair the line"),
    "empty-column-name": Defect("warning", "a column has no name", "name the column or delete it"),
    "duplicate-column-name": Defect("warning", "two columns have the same name", "rename or delete one"),
    "ambiguous-column": Defect("warning", "two columns could be the same thing", "rename the right one"),
    "guessed-time": Defect("note", "a column is taken for the time by its values", "name it to be sure"),
    "ambiguous-values": Defect("warning", "a column could be read in two ways", "set its unit"),
    "number-format": Defect("note", "numbers carry signs or a decimal comma", "fine; see what was read"),
    "unused-column": Defect("warning", "a column was not understood and is left out", "set its role"),
    "unexpected-role": Defect("warning", "a column is of another kind than its name says", "set its role"),
    "event-text": Defect(
        "warning",
        "free text of an event, mostly written after it, is left out",
        'set role = "context" if it was known before the event',
    ),
    "misspelt-column": Defect("warning", "a name is nearly one that is missing", "rename the column"),
    "unused-file": Defect("note", "a file of the folder is no table", "name it to use it"),
    "undeclared-column": Defect("note", "a column is not in sidelight.toml", "add it there to use it"),
    "null-id": Defect("error", "a row has no user or item id", "fill the id in or delete the row"),
    "blank-id": Defect("error", "an id is empty or only white space", "fill the id in or delete the row"),
    "id-whitespace": Defect(
        "warning", "ids carry white space or NUL at an end", "strip the ids where they are written"
    ),
    "long-id": Defect(
        "error", "an id has more than 512 characters", "give the row a shorter id, e.g. a hash of this one"
    ),
    "broken-id": Defect(
        "warning", "an id holds U+FFFD where a character was lost", "write the id again as whole UTF-8"
    ),
    "float-id": Defect("note", "whole-number ids end in .0", "store them as integers or text"),
    "mixed-type-id": Defect("warning", "an id column holds numbers and text", "write all ids the same way"),
    "bad-number": Defect(
        "error", "a value of a number column is not a number", "repair the value or change the role"
    ),
    "bad-timestamp": Defect("error", "a time cannot be read", "write ISO 8601 or seconds since 1970"),
    "nonfinite-weight": Defect("error", "a weight is NaN or infinite", "repair or delete the row"),
    "nonpositive-weight": Defect(
        "error", "a weight is zero or negative", "delete the row; keep dislikes elsewhere"
    ),
}

IDS: dict[str, Defect] = {
    "duplicate-interaction": Defect(
        "warning", "the same event is written more than once", "keep one of each"
    ),
    "conflicting-weight": Defect("warning", "one event has several weights", "decide which weight holds"),
    "repeated-pair": Defect(
        "note", "users come back to the same item", "fine for baskets and plays; counts as one pair"
    ),
    "repeated-position": Defect(
        "warning", "two events of a user share one position", "number each history anew"
    ),
    "duplicate-item-row": Defect("warning", "an item row is written more than once", "keep one of each"),
    "duplicate-user-row": Defect("warning", "a user row is written more than once", "keep one of each"),
    "conflicting-item-row": Defect("error", "one item id has rows that differ", "decide which row holds"),
    "conflicting-user-row": Defect("error", "one user id has rows that differ", "decide which row holds"),
    "orphan-item": Defect(
        "warning", "events on items that the item table lacks", "add their rows: they have no content"
    ),
    "orphan-user": Defect(
        "warning", "events of users that the user table lacks", "add their rows or leave them out"
    ),
    "similar-id": Defect(
        "warning", "ids differ only in case, space or leading zeros", "write one id one way everywhere"
    ),
    "text-number-id": Defect(
        "note", "ids are numbers stored as text", "fine; store them as integers to save memory"
    ),
}

TIMES: dict[str, Defect] = {
    "time-unit": Defect(
        "error", "times make sense only in another unit", "write all times in one unit, e.g. seconds"
    ),
    "impossible-time": Defect("error", "a time is before 1990, zero or negative", "repair or delete the row"),
    "future-time": Defect(
        "error", "a time is later than now", "repair the row: it would all fall into the test part"
    ),
    "before-launch": Defect(
        "warning", "events before the item's launch date", "correct the launch date or the event"
    ),
    "day-resolution": Defect(
        "note", "all times are at midnight", "split at day borders; order within a day is unknown"
    ),
    "bulk-time": Defect(
        "warning", "many users' events carry one same time", "look for an import date in place of the time"
    ),
    "order-follows-id": Defect(
        "warning",
        "where times tie, rows are sorted by item id",
        "do not read an order from it: leave-last-out leaks",
    ),
    "brief-users": Defect(
        "note", "most users were active for a moment only", "a time split is then mostly a split by user"
    ),
}

COLUMNS: dict[str, Defect] = {
    "empty-column": Defect("warning", "a column has no value at all", "delete it or fill it in"),
    "constant-column": Defect(
        "warning", "a column has one value everywhere", "delete it: it tells nothing apart"
    ),
    "mostly-missing": Defect(
        "note", "a column is missing for most rows", "its score must hold where it is absent"
    ),
    "number-as-text": Defect(
        "warning", "a text column holds mostly numbers", "make it a number; repair the other values"
    ),
    "text-in-category": Defect("warning", "a category column holds sentences", 'set role = "text"'),
    "category-in-text": Defect("note", "a text column holds few distinct labels", 'set role = "category"'),
    "id-like-content": Defect("warning", "a content column is an identifier", 'set role = "ignore"'),
    "number-nonfinite": Defect(
        "warning", "a number is NaN or infinite", "leave the cell empty where it is unknown"
    ),
    "number-outlier": Defect(
        "note", "a number is far outside the rest", "check its unit; clip it or take logarithms"
    ),
    "sentinel-number": Defect(
        "warning", "a number stands for missing", "leave the cell empty where it is unknown"
    ),
    "rating-as-weight": Defect(
        "note", "weights look like ratings", "a low rating counts as interest: drop rows below your threshold"
    ),
}

CONTENT: dict[str, Defect] = {
    "blank-text": Defect("warning", "a text is empty or only white space", "leave the cell empty (null)"),
    "placeholder-text": Defect(
        "warning", "a text stands for missing (N/A, null, -)", "leave the cell empty (null)"
    ),
    "html-text": Defect("warning", "a text holds HTML tags or entities", "strip the markup"),
    "wrong-encoding": Defect(
        "warning", "a text was decoded with the wrong encoding", "decode the source as UTF-8"
    ),
    "long-text": Defect(
        "warning", "a text is longer than 20,000 characters", "the beginning is kept: put what matters first"
    ),
    "not-english": Defect(
        "warning",
        "texts are mostly not English; the encoder minilm was trained on English",
        'name a multilingual one: encoder="paraphrase-multilingual-MiniLM-L12-v2"',
    ),
    "duplicate-content": Defect(
        "warning", "items have the same text", "merge them, or expect copies across splits"
    ),
    "near-duplicate-content": Defect(
        "warning", "items have nearly the same text", "merge variants, or expect near copies across splits"
    ),
    "label-variants": Defect("warning", "labels differ only in case or space", "write each label one way"),
    "tag-separator": Defect("warning", "a tag holds several tags", "split it at its separator"),
    "vector-length": Defect(
        "warning", "vectors of one column differ in length", "encode all rows with one model"
    ),
    "vector-nonfinite": Defect(
        "warning", "a vector holds NaN, infinity or null", "encode the row again or leave it empty"
    ),
    "vector-zero": Defect(
        "warning", "a vector is all zeros", "leave the cell empty where nothing was encoded"
    ),
    "image-missing": Defect("warning", "an image file is not there", "restore the file or empty the cell"),
    "image-broken": Defect("warning", "an image cannot be read", "export it again or empty the cell"),
    "image-huge": Defect("warning", "an image has too many pixels to decode safely", "resize it"),
    "image-repeated": Defect(
        "warning", "many items share one image", "empty the cell where it says 'no picture'"
    ),
    "images-not-opened": Defect(
        "note", "not every image was opened", "raise --images, or install sidelight[image]"
    ),
}

LEAKS: dict[str, Defect] = {
    "popularity-leak": Defect(
        "warning", "a number ranks items as their popularity does", "set known_at_launch = false"
    ),
    "after-launch-name": Defect(
        "warning", "by its name, a column exists only after launch", "set known_at_launch = false"
    ),
    "after-launch-content": Defect(
        "note", "a column is known only after launch", "kept out of the content of cold items: nothing to do"
    ),
    "sensitive-unmarked": Defect("warning", "by its name, a column is sensitive", "set sensitive = true"),
    "consent-missing": Defect(
        "warning", "sensitive columns have no consent column", "name one: consent = COLUMN"
    ),
    "consent-unknown-column": Defect("error", "the named consent column is not there", "correct its name"),
    "consent-refused": Defect(
        "note", "users have not agreed to the use of a column", "their values stay out of use"
    ),
    "split-overlap": Defect("error", "one event is in two parts of the split", "give each event one part"),
    "split-repeat": Defect(
        "note", "a pair comes back in another part", "it is no target: the history has it already"
    ),
    "split-unknown-pair": Defect("error", "the split names pairs that the data lack", "make the split anew"),
    "split-uncovered": Defect("note", "events that the split leaves out", "they are not used"),
    "split-no-train": Defect(
        "error", "the split has no part named train", "name the parts train, validation, test"
    ),
    "split-time-leak": Defect(
        "warning", "training events later than the first test event", "split at one time"
    ),
    "split-cold-item": Defect(
        "note", "test items without a training event", "they are the cold slice: report it apart"
    ),
    "split-cold-user": Defect(
        "note", "test users without a training event", "only popularity or content can serve them"
    ),
}

BEHAVIOUR: dict[str, Defect] = {
    "event-burst": Defect(
        "warning", "a user has more than 20 events in one second", "look for a bot or an import"
    ),
    "extreme-user": Defect(
        "warning", "one user makes a great share of all events", "look for a bot or a shared account"
    ),
    "extreme-item": Defect(
        "warning", "one item takes a great share of all events", "look for a default or an advert"
    ),
    "one-event-users": Defect(
        "note", "most users have one event", "they cannot be split: judge with content models"
    ),
    "untouched-items": Defect(
        "note", "many items have no event", "they are cold: only content can recommend them"
    ),
    "too-few-events": Defect(
        "warning", "too few events to measure differences", "gather more; expect wide intervals"
    ),
    "no-content": Defect("note", "no item content", "give an item table: cold items need it"),
}

DEFECTS: dict[str, Defect] = FILES | IDS | TIMES | COLUMNS | CONTENT | LEAKS | BEHAVIOUR
"""Name of a defect -> (severity, meaning, what to do)."""

THEMES: dict[str, dict[str, Defect]] = {
    "Files and rows": FILES, "Ids": IDS, "Times": TIMES, "Columns": COLUMNS,
    "Content": CONTENT, "Leaks, consent and splits": LEAKS, "Behaviour": BEHAVIOUR,
}  # fmt: skip


def markdown() -> str:
    """The table of docs/check.md, made from the registry."""
    lines: list[str] = []
    for theme, defects in THEMES.items():
        lines += [
            f"### {theme}",
            "",
            "| defect | severity | what it means | what to do |",
            "|---|---|---|---|",
        ]
        lines += [f"| `{n}` | {d.severity} | {d.meaning} | {d.fix} |" for n, d in defects.items()]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    import re
    import sys
    from pathlib import Path

    # Writes the tables of docs/check.md anew: python -m sidelight.data.defects docs/check.md
    page = Path(sys.argv[1])
    text = page.read_text(encoding="utf-8")
    fresh = re.sub(
        r"(?s)(<!-- defects -->\n).*(<!-- end of defects -->)", lambda m: m[1] + markdown() + m[2], text
    )
    page.write_text(fresh, encoding="utf-8")
