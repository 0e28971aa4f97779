"""Parser of numbers in everyday notation: $9.99, 1.299,00 €, 76 %, (12.50)."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

_CODES = (
    "AED ARS AUD BGN BRL CAD CHF CLP CNY COP CZK DKK EUR GBP HKD HUF IDR ILS INR JPY KRW MXN MYR NOK NZD PHP "
    "PLN RON RSD RUB SAR SEK SGD THB TRY TWD UAH USD VND ZAR"
)
_WORDS = "kr|kč|zł|ft|lei|лв|fr|sfr|rs|rp|rm|tl"
_SIGN = rf"(?:US|CA|AU|NZ|HK|[ACRS])?\p{{Sc}}|{'|'.join(_CODES.split())}|(?i:{_WORDS})\.?"
_GAP = " '\u2019\u00a0\u2009\u202f"  # what stands between groups of three digits, besides . and ,
_SHAPE = (
    rf"^(?<open>\()?(?<minus>[-+]?)\s*(?<before>{_SIGN})?\s*(?<inner>-?)"
    rf"(?<body>\d{{1,3}}(?:[{_GAP}]\d{{3}})+(?:[.,]\d+)?|\d(?:[\d.,]*\d)?|[.,]\d+)"
    rf"(?:[.,]-{{1,2}})?\s*(?<after>{_SIGN}|[%‰])?\s*(?<last>-?)\)?$"
)
_VALID = {
    ".": r"^(?:\d+|\d{1,3}(?:,\d{2,3})*,\d{3})?(?:\.\d*)?$",  # Indian groups have two digits
    ",": r"^(?:\d+|\d{1,3}(?:\.\d{3})+)?(?:,\d*)?$",
}


class Amounts(NamedTuple):
    """A column of numbers after reading.

    Args:
        values: Float64, null where a value is no number in the notation of the column.
        mark: The decimal mark "." or "," by which the column was read, "" where every value is in the
            notation of programs.
        doubt: One line where the column could be read otherwise, else ""."
    """

    values: pl.Series
    mark: str = ""
    doubt: str = ""


def amounts(text: pl.Series, mark: str = "") -> Amounts:
    """Parse numbers with or without a currency, percent sign, groups of three digits and either decimal mark.

    One decimal mark holds for the whole column: the one that more values can have alone ("9,99" can
    have the comma only, "1,299" both). Where no value tells, the point is the mark, except that an
    amount of money has no three decimals ("1.299 €" is more than a thousand). 76 % is 76.

    Args:
        text: String, without outer white space.
        mark: The decimal mark, where it is known.
    """
    text = text.set(text == "", None)
    plain = text.cast(pl.Float64, strict=False)
    if not mark and plain.null_count() == text.null_count():
        return Amounts(plain, "", _three(text))
    parts = text.str.replace_all("[\u2212\u2013\u2014]", "-").str.extract_groups(_SHAPE).struct.unnest()
    body = parts["body"].str.replace_all(f"[{_GAP}]", "")
    valid = {m: body.str.contains(pattern).fill_null(False) for m, pattern in _VALID.items()}
    point, comma = (int((valid[a] & ~valid[b]).sum()) for a, b in (".,", ",."))
    signs = pl.concat([parts["before"], parts["after"]]).drop_nulls().str.to_uppercase()
    doubt = ""
    if not mark:
        money = (~signs.is_in(["%", "‰"])).any()
        mark = "," if comma > point else "."
        either = body.filter(valid["."] & valid[","] & body.str.contains("[.,]"))
        if point == comma and len(either):
            mark = "," if money and str(either[0]).find(".") > 0 else "."
            doubt = f"{either[0]!r} could have a decimal point or a decimal comma"
    if signs.n_unique() > 1 or (signs.is_in(["%", "‰"]).any() and len(signs) < body.count()):
        found = " and ".join(
            repr(s) for s in [*signs.unique().sort().head(3), *[""] * (signs.n_unique() == 1)]
        )
        doubt = doubt or f"the values have different units: {found}"
    thousands = "," if mark == "." else "."
    bare = (
        body.set(~valid[mark], None)
        .str.replace_all(thousands, "", literal=True)
        .str.replace(mark, ".", literal=True)
    )
    numbers = bare.cast(pl.Float64, strict=False)
    negative = parts["open"].is_not_null()
    for name in ("minus", "inner", "last"):
        negative |= (parts[name] == "-").fill_null(False)
    numbers = (-numbers).zip_with(negative, numbers)
    odd = plain.set(parts["body"].is_not_null(), None)  # 1e5, inf, nan
    numbers = numbers.zip_with(numbers.is_not_null(), odd).alias(text.name)
    same = numbers.null_count() == plain.null_count()
    return Amounts(numbers, "" if same else mark, doubt)


def _three(text: pl.Series) -> str:
    """Return the doubt about a column whose only fractions have three digits: groups or decimals."""
    broken = text.filter(text.str.contains(".", literal=True))
    if len(broken) and broken.str.contains(r"^[-+]?[1-9]\d{0,2}\.\d{3}$").all():
        return f"{broken[0]!r} could have a decimal point or a point between thousands"
    return ""
