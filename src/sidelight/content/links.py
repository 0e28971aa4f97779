"""Links between items of the catalogue (citations, accessories, parts of a series), as sparse rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import polars as pl

from sidelight.content.cache import Cache
from sidelight.content.features import Features
from sidelight.content.label_encoder import LabelEncoder, label_pairs, spelling
from sidelight.content.protocols import Arrays
from sidelight.content.spec_fields import column, nothing_there, pack, set_fields, unpack
from sidelight.option_types import Count, Label
from sidelight.progress import Progress

ID = "item_id"
_ENDS = ("label", "own")


@dataclass(frozen=True, init=False)
class Links:
    """Items that an item links to and is linked from, with itself, as weighted rows.

    CSR float32 (n_items, n_ids), columns named "cites=17". An item has an entry for each id in its
    lists, for each item of the fit whose lists hold it, and for itself; so two items are near when one
    links to the other, when both link to a third, and when both are linked from one. The entry of an id
    on c of n rows is ln((1 + n) / (1 + c)) + 1: what everybody links to says little. An item without
    links is absent. A new item brings its own lists; an item that it links to is near to it at once.

    That two items have no link in common says little about them, unlike two titles without a common
    word. So `ContentKNN` and `HybridKNN` add the cosine of links to the similarity of the other
    modalities, and do not average it in.

    When not to use it: lists that the shop derives from clicks ("bought together"). They do not exist
    for a new item, and for an old one they repeat the interactions.

    Args:
        *names: Item columns: lists of item ids, or text when `separator` is given. Ids outside the
            catalogue count too: two articles that cite the same third one.
        min_count: Ids on fewer rows than this are left out. Itself is a row of an item: 2 keeps every
            link within the catalogue.
        separator: Separator of the ids in a text column, e.g. " ".

    Raises:
        DataError: No item has a link, or the values are no ids.

    Examples:
        >>> import polars as pl, sidelight as sl
        >>> items = pl.DataFrame({"item_id": [1, 2, 3], "cites": [[2], [], None]})
        >>> encoder, features = sl.content.fit_features(sl.content.Links("cites"), items)
        >>> features.names, features.present.tolist()
        (('cites=1', 'cites=2'), [True, True, False])
    """

    columns: tuple[str, ...]
    min_count: Count
    separator: Label | None

    def __init__(
        self,
        *names: str,
        columns: Sequence[str] = (),
        min_count: int = 2,
        separator: str | None = None,
    ) -> None:
        set_fields(self, locals())

    @property
    def name(self) -> str:
        """Name of the modality, e.g. "links:cites"."""
        return "links:" + "+".join(self.columns)

    def fit(
        self, items: pl.DataFrame, cache: Cache | None = None, progress: Progress | None = None
    ) -> LinkEncoder:
        """Fit the ids that are linked, their weights, and the links to each item."""
        column(items, ID, "Links")
        ids, incoming = _ids(items), []
        for each in self.columns:
            pairs = label_pairs(items, each, "Links", self.separator)
            if not len(pairs):
                raise nothing_there("Links", [each])
            linked = pairs.join(ids, on="row").select("label", "own")
            incoming.append(linked.filter(pl.col("label").is_in(ids["own"].implode())))
        labels = LabelEncoder.fit(
            self.name,
            _with_both_ends(items, self.columns, self.separator, incoming),
            self.columns,
            kind="Links",
            min_count=self.min_count,
            idf=True,
            separator=self.separator,
        )
        return LinkEncoder(labels, tuple(incoming))


@dataclass(frozen=True, eq=False)
class LinkEncoder:
    """Encoder of `Links`.

    Args:
        labels: Ids and their weights, over lists that hold an item's own id and those that link to it.
        incoming: Links to items of the fit for each column: an item `label`, and `own` that links to it.
    """

    additive: ClassVar[bool] = True
    labels: LabelEncoder
    incoming: tuple[pl.DataFrame, ...]

    def transform(self, items: pl.DataFrame) -> Features:
        """Encode links, CSR (n_items, dim); absent where an item has none of the fit."""
        whole = _with_both_ends(items, self.labels.columns, self.labels.separator, self.incoming)
        return self.labels.transform(whole)

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """Return the arrays of the labels, and the links to items as positions among their ids."""
        arrays, meta = self.labels.state()
        ids = pl.concat([pl.concat([each["label"], each["own"]]) for each in self.incoming]).unique().sort()
        for at, links in enumerate(self.incoming):
            ends = [ids.search_sorted(links[end]).to_numpy().astype(np.int64) for end in _ENDS]
            arrays[f"incoming{at}"] = np.stack(ends, axis=1)
        arrays["labels_of_links"] = pack(ids)
        return arrays, {**meta, "kind": "links", "links": [len(links) for links in self.incoming]}

    @classmethod
    def restore(cls, arrays: Arrays, meta: dict[str, Any]) -> Self:
        """Restore the result of `state`."""
        labels = LabelEncoder.restore(arrays, meta)
        ids, incoming = pl.Series(unpack(arrays["labels_of_links"]), dtype=pl.String), []
        for at, n in zip(range(len(labels.columns)), meta["links"], strict=True):
            pairs = np.asarray(arrays[f"incoming{at}"], dtype=np.int64)
            if pairs.shape != (n, 2) or (pairs < 0).any() or (pairs >= len(ids)).any():
                raise ValueError(f"expected {n} pairs of positions among {len(ids)} items")
            incoming.append(pl.DataFrame({end: ids.gather(pairs[:, i]) for i, end in enumerate(_ENDS)}))
        return cls(labels, tuple(incoming))


def _ids(items: pl.DataFrame) -> pl.DataFrame:
    """Return (row, own): the ids of the rows as labels; none where the table has no ids."""
    if ID not in items.columns:
        return pl.DataFrame(schema={"row": pl.Int64, "own": pl.String})
    own = items.select(own=spelling(pl.col(ID))).with_row_index("row")
    return own.with_columns(pl.col("row").cast(pl.Int64)).drop_nulls("own")


def _with_both_ends(
    items: pl.DataFrame,
    columns: Sequence[str],
    separator: str | None,
    incoming: Sequence[pl.DataFrame],
) -> pl.DataFrame:
    """Return a table with the lists of each column, completed by who links to an item, and itself.

    Args:
        items: Rows.
        columns: Columns of links.
        separator: See `Links`.
        incoming: Links (label, own) to items, for each column.
    """
    ids, whole = _ids(items), {}
    for each, pairs in zip(columns, incoming, strict=True):
        out = label_pairs(items, each, "Links", separator)
        back = ids.join(pairs, left_on="own", right_on="label").select("row", label="own_right")
        ends = pl.concat([out, back])
        itself = ids.join(ends, on="row", how="semi").select("row", label="own")
        lists = pl.concat([ends, itself]).group_by("row").agg(pl.col("label").unique().sort())
        rows = pl.DataFrame({"row": np.arange(len(items))})
        whole[each] = rows.join(lists, on="row", how="left", maintain_order="left")["label"]
    return pl.DataFrame(whole)
