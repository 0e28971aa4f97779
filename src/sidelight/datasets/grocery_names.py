"""Readable product names for the abbreviated capitals of a till, e.g. "FRZN SS PREMIUM ENTREES/DNRS/N"."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from importlib.resources import files
from typing import Any

_WORDS: dict[str, Any] = tomllib.loads(
    (files("sidelight.datasets") / "grocery_words.toml").read_text("utf-8")
)
LEFT_OUT: list[str] = _WORDS["left_out"]
_DEPARTMENTS: dict[str, str] = _WORDS["departments"]
_LONG: dict[str, str] = _WORDS["abbreviations"]
_NAMES = {name.lower(): name for name in _WORDS["names"]}
_VAGUE = frozenset(_WORDS["vague"].split())
_TAILS = frozenset(("and", "with", "no", "of", "or", "for", "et", "etc", "over", "under", "except", "sa"))
_EMPTY = (  # no part of a name
    r"\b(?:all )?others?\b|\bonly\b|\bnot multi~packs\b|\ball(?: brands)?$|\b(?:dxm|pse|saltice)\b"
    r"|\bsales trans\b|\bn, a\b"
)
_CUT = 30  # the till's field is this wide: longer names end in a piece of a word


def words(text: str, known: frozenset[str] = frozenset()) -> str:
    """Return lower-case words without till shorthand.

    Args:
        text: A name as the till has it.
        known: Words that are whole, see `whole_words`; a cut name loses a last word that is not.

    Examples:
        >>> words("FRZN SS PREMIUM ENTREES/DNRS/N")
        'frozen single serve premium entrees dinners'
    """
    parts = _parts(text)
    if _is_cut(text, parts, known):
        parts.pop()
    return re.sub(r"\b(women|men|children) s\b", r"\1's", " ".join(_LONG.get(p, p) for p in parts))


def whole_words(texts: Iterable[str]) -> frozenset[str]:
    """Collect the words of names that were short enough not to be cut."""
    return frozenset(part for text in texts if len(text) < _CUT for part in _parts(text))


def phrase(text: str, known: frozenset[str] = frozenset()) -> str:
    """Return a readable name: what the till separates by marks is separated by words.

    Args:
        text, known: As in `words`.

    Examples:
        >>> phrase("ICE CREAM/MILK/SHERBTS"), phrase("BREAD:ITALIAN/FRENCH")
        ('ice cream, milk and sherbets', 'bread, Italian and French')
    """
    low = text.lower()
    if _is_cut(text, _parts(text), known):
        low = re.sub(r"[^a-z0-9%]*[a-z0-9%.]+[^a-z0-9%]*$", "", re.sub(r"\([^)]*$", "", low))
    low = re.sub(r"\([^)]*\)?", " ", low)
    low = re.sub(r"\bw/", " with ", low).replace("&", " and ").replace("-magazine", " magazine")
    low = re.sub(r"/(?=premium|economy|traditional)", " , ", low.replace("saucessalsap", "sauces/salsa/p"))
    low = low.replace("sv bev: bev", "single serve beverage")
    low = re.sub(r"\b(women|men|children) s\b", r"\1's", low)
    # A hyphen inside a word stays, every other one divides.
    low = re.sub(r"\b(non|mu?lti?|anti|x|pre|semi|post)-(?=\w)|-(?=in\b)", _joined, low)
    low = re.sub(r"\s*(?::|(?<!\d)-|-(?!\d)| - )\s*", " , ", low)
    found = ", ".join(filter(None, (_clause(part) for part in low.split(","))))
    found = re.sub(r"\b(\w+ \w+) and \1\b", r"\1 and", found)  # orange juice and orange juice substitutes
    return found.replace("~", "-")


def _joined(found: re.Match[str]) -> str:
    """Spell out the prefix, with a mark that is a hyphen again at the end."""
    first = found[1]
    return "~" if first is None else f"{'multi' if first.startswith('m') else first}~"


def _clause(text: str) -> str:
    """Return words between two commas, the alternatives in them as "a, b and c"."""
    pieces = []
    for piece in text.split("/"):
        plain = re.sub(r"[^a-z0-9%.'~-]+|\.(?!\d)", " ", piece)
        long = re.sub(r"(?<![a-z0-9])[a-z]+", lambda found: _LONG.get(found[0], found[0]), plain)
        kept = re.sub(_EMPTY, " ", long).split()
        while kept and (kept[-1] in _TAILS or len(kept[-1]) < 2):
            kept.pop()
        while kept and kept[0] == "and":
            kept.pop(0)
        pieces.append(" ".join(_NAMES.get(w, w) for w in kept))
    pieces = list(dict.fromkeys(p for p in pieces if p))
    return " and ".join(filter(None, (", ".join(pieces[:-1]), pieces[-1]))) if pieces else ""


def _is_cut(text: str, parts: list[str], known: frozenset[str]) -> bool:
    """Test whether a name ends in a piece of a word."""
    if len(text) < _CUT or text.endswith(")") or len(parts) < 2:
        return False
    return len(parts[-1]) <= 3 or bool(known and parts[-1] not in known and parts[-1] not in _LONG)


def _parts(text: str) -> list[str]:
    low = re.sub(r"\([^)]*$", "", text.lower())  # a bracket that was cut off
    return re.sub(r"[^a-z0-9%.]+|\.(?!\d)", " ", low).split()


def title(kind: str, category: str, brand: str, size: str | None) -> str:
    """Compose the title of a product: kind, the category where the kind alone says too little, brand, size.

    Args:
        kind, category: From `phrase`.
        brand: "store" for the shop's own.
        size: From `package`.

    Examples:
        >>> title("super premium pints", "ice cream, milk and sherbets", "national", "16 oz")
        'Ice cream, super premium pints, 16 oz'
        >>> title("potato chips", "bag snacks", "store", "8 oz")
        'Store brand potato chips, 8 oz'
    """
    head = category.split(",")[0]
    name = kind
    if not kind or set(re.split(r",? ", kind)) <= _VAGUE:
        known = set(re.split(r",? ", category))
        new = ", ".join(part for part in kind.split(", ") if not set(part.split()) <= known)
        name = f"{head}, {new}" if new else head
    name = f"{'store brand ' if brand == 'store' else ''}{name}"
    return name[:1].upper() + name[1:] + (f", {size}" if size else "")


def department(text: str) -> str:
    """Return the readable name of a department."""
    return _DEPARTMENTS.get(text, words(text).capitalize())


def package(text: str) -> str | None:
    """Return a package size in lower case, None where the field holds a stock number instead.

    Examples:
        >>> package(" 12  OZ"), package("971283  PK")
        ('12 oz', None)
    """
    found = re.sub(r"^([a-z] )+", "", " ".join(text.lower().split()))  # some begin with a stray letter
    if re.search(r"\d{5}", found) or not re.search(r"\d", found):
        return None
    return re.sub(r"(\.\d*?)0+\b", r"\1", re.sub(r"(?<!\d)\.(?=\d)", "0.", found)).replace(". ", " ")
