"""Language of item texts: whether an encoder that was trained on English can read them."""

from __future__ import annotations

import numpy as np
import polars as pl

from sidelight.data.checks.checked_tables import Check, CheckedTables
from sidelight.data.findings import Finding

SAMPLE = 2000  # texts of a column that are looked at
HEAD = 500  # characters of each
ENGLISH = "the of and to in a is for with that on this are was by an from it as be your you or at"
# Short words that are common in one or more of the other languages in Latin letters and are no English.
OTHERS = """der die das und ist mit für von ein eine einer den dem nicht auf zum zur im aus bei le la les des
du et une est pour avec dans sur aux el los las del y con para una por que il lo gli di della per che e un
nel sono o os um uma com não ao na da em het een van voor met zijn en och att det som med är på til og ikke
i w z nie na do jest dla się ve bir ile için bu ja on ei se a az és egy hogy si cu pe de la din dan yang untuk
dengan của và cho là các"""


def languages(t: CheckedTables) -> list[Finding]:
    """Text columns of the items that are mostly not English, by their letters and short words."""
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
    """bool per row, True where a text looks foreign, or None where most of a sample do not."""
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
    """For each text: whether most letters are not Latin, and numbers of foreign and of English words.

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


CHECKS: tuple[Check, ...] = (languages,)
