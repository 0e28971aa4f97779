"""Readable names for the clipped capitals of a till: "FRZN SS PREMIUM ENTREES/DNRS/N"."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Departments and categories that are no products of a shop, or no subject for a demo.
LEFT_OUT = (
    "COUPON", "MISCELLANEOUS", "FUEL", "TRAVEL & LEISURE", "PHOTO & VIDEO", "CNTRL/STORE SUP",
    "POSTAL CENTER", "CHARITABLE CONT", "PROD-WHS SALES", "GM MERCH EXP", "ELECT &PLUMBING",
    "COUPON/MISC ITEMS", "COUPONS/STORE & MFG", "IN-STORE PHOTOFINISHING", "OVERNIGHT PHOTOFINISHING",
    "BOTTLE DEPOSITS", "TICKETS", "PROD SUPPLIES", "DELI SUPPLIES", "MEAT SUPPLIES", "NON EDIBLE PRODUCTS",
    "LONG DISTANCE CALLING CARDS", "PREPAID WIRELESS&ACCESSORIES", "PHARMACY", "HOME HEALTH CARE",
    "FAMILY PLANNING", "CIGARETTES", "CIGARS", "TOBACCO OTHER", "SMOKING CESSATIONS",
)  # fmt: skip
_DEPARTMENTS = {
    "DRUG GM": "Drugstore and general",
    "MEAT-PCKGD": "Packaged meat",
    "SEAFOOD-PCKGD": "Packaged seafood",
}
_LONG = {
    "beerale": "beer ale", "beeralemalt": "beer ale malt", "bev": "beverage", "bg": "bags", "bkd": "baked",
    "bn": "beans", "brd": "breaded", "brkfst": "breakfast", "btl": "bottle", "btlctn": "bottle carton",
    "btr": "butter", "carb": "carbonated", "catfd": "cat food", "chix": "chicken", "choc": "chocolate",
    "chococlate": "chocolate", "chocol": "chocolate", "chp": "chops", "ckys": "cookies",
    "cleang": "cleaning", "cnd": "canned", "cndles": "candles", "cndy": "candy", "cntrl": "control",
    "coff": "coffee", "conc": "concentrate", "crbntd": "carbonated", "crkr": "crackers", "crmd": "creamed",
    "crystl": "crystal", "deod": "deodorant", "disposible": "disposable", "dl": "deli", "dnr": "dinner",
    "dnrs": "dinners", "dogfd": "dog food", "dps": "dips", "drnk": "drink", "drnking": "drinking",
    "drnkng": "drinking", "drnks": "drinks", "drp": "drops", "drsng": "dressing", "dsh": "dishes",
    "ethnc": "ethnic", "fd": "food", "fds": "foods", "fem": "feminine", "flvr": "flavored",
    "flvrd": "flavored", "frd": "fried", "fre": "fresh", "frz": "frozen", "frzn": "frozen", "gds": "goods",
    "gngr": "ginger", "grnd": "ground", "hbc": "health and beauty", "hygn": "hygiene",
    "ingred": "ingredients", "iws": "individually wrapped", "jce": "juice", "jhook": "rack",
    "liq": "liquid", "liqs": "liquids", "lnchmt": "lunchmeat", "lozng": "lozenges", "lss": "less",
    "mach": "machine", "memorablilia": "memorabilia", "misc": "various", "miscellaneous": "various",
    "mixs": "mixes", "mlk": "milk", "mlt": "multi", "mneral": "mineral", "mnral": "mineral",
    "mnrl": "mineral", "mult": "multi", "mw": "microwave", "mx": "mix", "mxs": "mixes",
    "ndairy": "non dairy", "ntrtnl": "nutritional", "nz": "New Zealand", "oj": "orange juice",
    "pac": "pack", "pckgd": "packaged", "pk": "pack", "pkg": "packaged", "pkgd": "packaged",
    "pkld": "pickled", "plst": "plastic", "plstc": "plastic", "pnch": "punch", "pnt": "peanut",
    "pnut": "peanut", "ppk": "prepacked", "prem": "premium", "prep": "prepared",
    "preportnd": "preportioned", "prod": "products", "prpck": "prepacked", "prslc": "presliced",
    "pwdr": "powder", "pwdrs": "powders", "refrgratd": "refrigerated", "refrig": "refrigerated",
    "rtd": "ready to drink", "rts": "ready to serve", "rw": "random weight", "sal": "salad",
    "sald": "salad", "saus": "sausage", "sft": "soft", "sgl": "single", "sherbts": "sherbets",
    "shlfsh": "shellfish", "slc": "sliced", "sld": "salad", "sndwch": "sandwich", "sngl": "single",
    "snks": "snacks", "specilaty": "specialty", "speclty": "specialty", "sply": "supplies",
    "sprd": "spread", "srv": "serve", "ss": "single serve", "stk": "steaks", "sup": "super",
    "suppplies": "supplies", "suprt": "support", "sv": "serve", "sw": "sweet", "sweetners": "sweeteners",
    "swt": "sweet", "syrp": "syrup", "thn": "than", "tiss": "tissues", "tort": "tortilla", "trsh": "trash",
    "vac": "vacuum", "veg": "vegetable", "vend": "vending", "whl": "whole", "whlsm": "wholesome",
    "wt": "weight", "wtr": "water", "xpctrnt": "expectorant",
}  # fmt: skip
_CUT = 30  # the till's field is this wide: longer names end in a piece of a word


def words(text: str, known: frozenset[str] = frozenset()) -> str:
    """Lower-case words without till shorthand.

    Args:
        text: A name as the till has it.
        known: Words that are whole, see `whole_words`; a cut name loses a last word that is not.

    Example:
        >>> words("FRZN SS PREMIUM ENTREES/DNRS/N")
        'frozen single serve premium entrees dinners'
    """
    parts = _parts(text)
    if len(text) >= _CUT and not text.endswith(")") and len(parts) > 1:
        last = parts[-1]
        if len(last) <= 3 or (known and last not in known and last not in _LONG):
            parts.pop()
    return re.sub(r"\b(women|men|children) s\b", r"\1's", " ".join(_LONG.get(p, p) for p in parts))


def whole_words(texts: Iterable[str]) -> frozenset[str]:
    """Words of the names that were short enough not to be cut."""
    return frozenset(part for text in texts if len(text) < _CUT for part in _parts(text))


def _parts(text: str) -> list[str]:
    low = re.sub(r"\([^)]*$", "", text.lower())  # a bracket that was cut off
    return re.sub(r"[^a-z0-9%.]+|\.(?!\d)", " ", low).split()


def title(kind: str, category: str, brand: str, size: str | None) -> str:
    """What stands on the shelf: kind, category where it says more, the shop's own brand, size.

    Example:
        >>> title("potato chips", "bag snacks", "store", "8 oz")
        'Store brand potato chips (bag snacks), 8 oz'
    """
    more = "" if set(category.split()) <= set(kind.split()) else f" ({category})"
    name = f"{'store brand ' if brand == 'store' else ''}{kind}{more}"
    return name[:1].upper() + name[1:] + (f", {size}" if size else "")


def department(text: str) -> str:
    """A department's name as people write it."""
    return _DEPARTMENTS.get(text, words(text).capitalize())


def package(text: str) -> str | None:
    """A package size in lower case, None where the field holds a stock number instead.

    Example:
        >>> package(" 12  OZ"), package("971283  PK")
        ('12 oz', None)
    """
    found = re.sub(r"^[a-z] +", "", " ".join(text.lower().split()))  # some begin with a stray letter
    return None if re.search(r"\d{5}", found) or not re.search(r"\d", found) else found
