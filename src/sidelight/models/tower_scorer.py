"""Scorer of trained towers: numpy alone scores, explains and places new items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight import config
from sidelight.content.features import Features
from sidelight.data.histories import Histories, histories_of
from sidelight.models.content_space import ContentSpace
from sidelight.models.scorer import ALL, Context, Places, Scores, SpaceChange, State
from sidelight.models.term_contributions import WordParts, largest
from sidelight.storage import placed, under
from sidelight.towers.item_parts import ContentFusion, FittedPart, gated_sum
from sidelight.towers.side_features import NOTHING, SideFeatures
from sidelight.towers.user_encoders import AttentionPooling, MeanPooling, UserEncoder

Dense = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class TowerScorer:
    """score(h, j) = (default + encoder(h) + side features of user and context) . vector_j.

    Args:
        vectors: float32 (n_items, dim), unit length.
        space: Content, to place new items and to name words.
        maps: float32 (columns of the modality, dim), one per modality.
        gates: float32 (n_modalities,), weights of the modalities; 0 where one is not used.
        default: float32 (dim,), the vector of a user without a history.
        trace: Record of the training.
        user_features: Side features of the stored users, may be none.
        context_features: Encoders of contexts, may be none.
        user_maps, context_maps: float32 (columns of the modality, dim), one per modality of each.
        user_encoder: Encoder of histories.
        encoder_arrays: Its trained arrays.
        item_parts: Item parts besides content and id.
        side_vectors: float32 (n_rows, dim), side features of the rows to be scored, set by
            `with_context`.
    """

    vectors: Dense
    space: ContentSpace
    maps: tuple[Dense, ...]
    gates: Dense
    default: Dense
    trace: dict[str, Any] = field(default_factory=dict)
    user_features: SideFeatures = NOTHING
    context_features: SideFeatures = NOTHING
    user_maps: tuple[Dense, ...] = ()
    context_maps: tuple[Dense, ...] = ()
    user_encoder: UserEncoder = field(default_factory=MeanPooling)
    encoder_arrays: Mapping[str, Dense] = field(default_factory=dict)
    item_parts: tuple[FittedPart, ...] = ()
    side_vectors: Dense | None = None

    def _encoded(self, histories: Histories) -> Dense:
        return self.user_encoder.encode(self.encoder_arrays, self.vectors, histories)

    def queries(self, histories: Histories | sp.csr_matrix) -> Dense:
        """Return user vectors, float32 (n_rows, dim): score = queries @ vectors.T."""
        users = np.asarray(self._encoded(histories_of(histories)) + self.default, dtype=np.float32)
        if self.side_vectors is not None:
            users += self.side_vectors
        return users

    def score(self, histories: Histories | sp.csr_matrix) -> Scores:
        """See `Scorer.score`."""
        scores: Scores = self.queries(histories) @ self.vectors.T
        return scores

    @property
    def context(self) -> tuple[str, ...]:
        """Columns of context it was trained with."""
        return self.context_features.columns

    def with_context(self, users: NDArray[np.int64], context: Context) -> TowerScorer:
        """See `ContextAware.with_context`; a side feature that is absent adds nothing."""
        if not self.user_maps and not self.context_maps:
            return self
        side = np.zeros((len(users), self.vectors.shape[1]), dtype=np.float32)
        stored = users >= 0
        for f, table in zip(self.user_features.features, self.user_maps, strict=True):
            own = users[stored]
            side[stored] += f.present[own][:, None] * np.asarray(f.values[own] @ table, dtype=np.float32)
        for f, table in zip(self.context_features.encode(context), self.context_maps, strict=True):
            side += f.present[:, None] * np.asarray(f.values @ table, dtype=np.float32)
        return replace(self, side_vectors=side)

    def without_users(self) -> TowerScorer:
        """See `ContextAware.without_users`."""
        return replace(self, user_features=NOTHING, user_maps=(), side_vectors=None)

    def uses_context(self) -> NDArray[np.bool_] | None:
        """See `ContextAware.uses_context`."""
        return None if self.side_vectors is None else np.asarray(self.side_vectors.any(axis=1))

    def user_independent_scores(
        self, length: NDArray[np.integer[Any]], items: NDArray[np.integer[Any]]
    ) -> Scores:
        """Scores of an empty history, float32 (n_rows, k)."""
        return np.asarray(self.vectors[items] @ self.default, dtype=np.float32)

    def similar(self, items: Places, among: Places | slice = ALL) -> Scores:
        """Cosine of the vectors, float32 (n_queries, n_items)."""
        scores: Scores = self.vectors[items] @ self.vectors[among].T
        return scores

    def without(self, history: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float64]:
        """See `Scorer.without`."""
        rows = [history, *(np.delete(history, at) for at in range(len(history)))]
        queries = self.queries(Histories.of_distinct(rows, len(self.vectors)))
        return np.asarray(queries @ self.vectors[items].T, dtype=np.float64)

    def top_terms(self, history: NDArray[np.int64], items: NDArray[np.int64], k: int) -> list[WordParts]:
        """Return the words of the items with their part of the score v.u' of the encoded history u'.

        With c an item's content vector, the part (v.c / |c|) (c.u') / |c| belongs to the content, and to
        each word its share in c.u'.
        """
        user = self._encoded(Histories.of_distinct([history], len(self.vectors)))[0]
        rows = [Features(f.name, f.values[items], f.present[items], f.names) for f in self.space.features]
        content = gated_sum(rows, self.maps, self.gates)
        size = (content * content).sum(axis=1)
        along = (self.vectors[items] * content).sum(axis=1)
        along = np.divide(along, size, out=np.zeros_like(along), where=size > 0)
        parts = []
        for features, table, gate in zip(rows, self.maps, self.gates, strict=True):
            if features.sparse and features.names:
                own = sp.csr_matrix(features.values, copy=True)
                own.data = own.data * (table[own.indices] @ user) * gate
                own.data *= np.repeat(along, np.diff(own.indptr))
                parts.append((features.names, own))
        return largest(parts, len(items), k)

    def with_items(self, items: pl.DataFrame) -> TowerScorer:
        """See `Scorer.with_items`; new items are placed by their content."""
        space = self.space.with_items(items)
        old = len(self.vectors)
        new = [Features(f.name, f.values[old:], f.present[old:], f.names) for f in space.features]
        return replace(self, space=space, vectors=np.vstack([self.vectors, self.place(new)]))

    def place(self, features: list[Features]) -> Dense:
        """Return unit vectors of items without interactions, float32 (n, dim); zero without content."""
        arrays = {"gates": self.gates} | {f"map/{at}": table for at, table in enumerate(self.maps)}
        out = ContentFusion().place(arrays, features)
        for part in self.item_parts:
            out = out + part.place(features)
        norm = np.linalg.norm(out, axis=1, keepdims=True)
        unit: Dense = np.divide(out, norm, out=np.zeros_like(out), where=norm > 0)
        return unit

    def revised(self, rows: pl.DataFrame, at: Places) -> TowerScorer:
        """See `Scorer.revised`; the items are placed by their new content."""
        space, fresh = self.space.replaced(rows, at)
        vectors = self.vectors.copy()
        vectors[at] = self.place(list(fresh))
        return replace(self, space=space, vectors=vectors)

    def with_spaces(self, change: SpaceChange) -> TowerScorer:
        """See `Scorer.with_spaces`."""
        return replace(self, space=change(self.space))

    @property
    def supports_cold_items(self) -> bool:
        """True: content places them."""
        return True

    def state(self) -> tuple[State, dict[str, Any]]:
        """See `Scorer.state`."""
        inner, space = self.space.state()
        arrays: State = {"vectors": self.vectors, "gates": self.gates, "default": self.default}
        tables = {"map": self.maps, "user_map": self.user_maps, "moment_map": self.context_maps}
        for name, maps in tables.items():
            arrays |= {f"{name}/{at}": table for at, table in enumerate(maps)}
        (users, of_users), (contexts, of_contexts) = self.user_features.state(), self.context_features.state()
        arrays |= placed("space", inner) | placed("people", users) | placed("moments", contexts)
        arrays |= placed("user_encoder", self.encoder_arrays)
        meta: dict[str, Any] = {"space": space, "trace": self.trace}
        meta |= {"people": of_users, "moments": of_contexts}
        meta |= {"user_encoder": config.to_dict(self.user_encoder), "item_parts": []}
        for at, part in enumerate(self.item_parts):
            arrays |= placed(f"item_part/{at}", part.arrays)
            meta["item_parts"].append({"spec": config.to_dict(part.spec), "gate": part.gate})
        return arrays, meta

    @classmethod
    def restore(cls, arrays: State, meta: dict[str, Any]) -> Self:
        """See `Scorer.restore`; a part from outside the package has to be imported before."""
        space = ContentSpace.restore(under("space", arrays), meta["space"])
        # Earlier versions had a mean or one query, and neither side features nor further parts.
        encoder: Any = AttentionPooling() if len(arrays.get("query", ())) else MeanPooling()
        if "user_encoder" in meta:
            encoder = config.from_dict(meta["user_encoder"], importing=False)
        users, contexts = (
            SideFeatures.restore(under(name, arrays), meta[name]) if name in meta else NOTHING
            for name in ("people", "moments")
        )
        features = {"map": space.features, "user_map": users.features, "moment_map": contexts.features}
        maps, user_maps, context_maps = (
            tuple(arrays[f"{name}/{at}"] for at in range(len(own))) for name, own in features.items()
        )
        parts = tuple(
            FittedPart(
                config.from_dict(part["spec"], importing=False),
                part["gate"],
                under(f"item_part/{at}", arrays),
            )
            for at, part in enumerate(meta.get("item_parts", ()))
        )
        return cls(
            arrays["vectors"],
            space,
            maps,
            arrays["gates"],
            arrays["default"],
            dict(meta.get("trace", {})),
            users,
            contexts,
            user_maps,
            context_maps,
            encoder,
            under("user_encoder", arrays) if "user_encoder" in meta else {"query": arrays["query"]},
            parts,
        )
