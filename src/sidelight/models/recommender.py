"""`Recommender`: all methods of a fitted model, written once on top of a small `Scorer`."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight import config, storage
from sidelight.data.histories import Histories
from sidelight.data.histories import histories_of as ordered
from sidelight.data.ids import labels_of
from sidelight.data.read_items import item_rows
from sidelight.data.split.split import Split
from sidelight.errors import SpecError, complain
from sidelight.models.attribution import explain
from sidelight.models.audience_ranks import audience_frame, audience_places
from sidelight.models.blend_choices import summary
from sidelight.models.check_arguments import Ids, check_context, histories_of, ids_of, known_histories
from sidelight.models.check_arguments import UnknownHistoryWarning as UnknownHistoryWarning
from sidelight.models.explanation import Explanation
from sidelight.models.items import Items
from sidelight.models.people import People
from sidelight.models.restore import restore_scorer, restore_spec
from sidelight.models.score_floor import with_floor
from sidelight.models.scorer import Context, ContextAware, Scorer, Scores, with_context, without_users
from sidelight.models.top_lists import ListRows, TopLists, best_items, lists_frame, similar_lists, top_lists
from sidelight.option_types import Count, check_call

CELLS = 1 << 26  # scores held at a time: 256 MiB of float32
UNKNOWN, GIVEN = -1, -2  # no stored user: an unknown id, a history given with the request


class NewItemsWarning(UserWarning):
    """New items were added to a model that cannot score them."""


@dataclass(frozen=True, eq=False)
class Recommender:
    """A fitted model with its items and its stored users. Made by `fit`, `load` or `add_items`; immutable.

    Args:
        spec: The frozen options it was fitted with.
        scorer: Maps histories to scores.
        items: Catalogue: ids, rows and popularity of the items.
        people: Stored users with their histories; None for a bundle that was saved without them.
            Histories that are given with a request need none.

    Examples:
        >>> import sidelight as sl
        >>> from sidelight.data.synthetic import make_synthetic
        >>> split = sl.split.temporal(make_synthetic(40, 60, 600, seed=1).data)
        >>> model = sl.EASE().fit(split)
        >>> model.recommend(histories=[[3, 7]], k=2).columns[:3]
        ['user_id', 'item_id', 'score']
    """

    spec: Any
    scorer: Scorer
    items: Items
    people: People | None = None

    def __repr__(self) -> str:
        users = "no people" if self.people is None else f"{len(self.people):,} users"
        return f"Recommender({type(self.spec).__name__}, {users}, {len(self.items):,} items)"

    def __str__(self) -> str:
        chosen = summary(self.choices)
        return f"{self!r}\n{chosen}" if chosen else repr(self)

    @property
    def choices(self) -> dict[str, Any]:
        """Record of the choices of the fit: measured values, numbers of events, prior; {} if none."""
        found: dict[str, Any] = getattr(self.scorer, "choices", {})
        return found

    @classmethod
    def of(cls, spec: Any, scorer: Scorer, split: Split) -> Recommender:
        """Combine a scorer with the items and users of its split, and add the spec's popularity floor."""
        return cls(spec, with_floor(spec, scorer, split), Items.of(split), People.of(split))

    def need_people(self) -> People:
        """Return the stored users.

        Raises:
            SpecError: The model holds none.
        """
        if self.people is None:
            fix = "pass histories=[...] or history=[...], or save the model again with people=True"
            raise SpecError(complain("stored users", "none: this bundle was saved without people", fix=fix))
        return self.people

    def score(self, histories: Histories | sp.csr_matrix) -> Scores:
        """Score all items, float32 (n_rows, n_items); histories of a binary CSR matrix have no order."""
        return self.scorer.score(ordered(histories))

    @property
    def context(self) -> tuple[str, ...]:
        """Context columns of the model."""
        return self.scorer.context if isinstance(self.scorer, ContextAware) else ()

    def with_context(self, users: NDArray[np.int64], context: Context | None = None) -> Recommender:
        """Return the model conditioned on the user and context of each row, see `ContextAware.with_context`.

        Raises:
            SpecError: The model does not read such a column.
        """
        check_context(context, self.context, len(users))
        scorer = with_context(self.scorer, users, context)
        return self if scorer is self.scorer else replace(self, scorer=scorer)

    def recommend(
        self,
        users: Ids | None = None,
        histories: Iterable[Iterable[Any]] | None = None,
        *,
        k: Count = 10,
        filter_seen: bool = True,
        candidates: Ids | None = None,
        context: Mapping[str, Any] | None = None,
    ) -> pl.DataFrame:
        """Return the k best items of each user, best first.

        Args:
            users: Outside user ids; None with no histories means all users. Unknown ones are named as given.
            histories: Lists of outside item ids, oldest first, for users that are not stored; `user_id`
                in the result is then the position in this list.
            k: Length of the lists, >= 1.
            filter_seen: Leave out what is in the history.
            candidates: Outside item ids that may be shown; None means all.
            context: Context of the request by column, e.g. {"hour": 7, "device": "phone"}; None
                means none.

        Returns:
            Columns user_id, item_id, score, rank (from 1), source. `source` is "personal" where more
            than `PERSONAL_SHARE` of the score is the user's own (history, features, context), else
            "popular": the model scores the item about alike for all users. Rows beyond the scores
            are the most popular items, and source says why: "popular:unknown-user",
            "popular:empty-history" or "popular:no-evidence" (nothing more scored above 0). Lists
            are shorter than k only when fewer than k items may be shown.

        Raises:
            SpecError: k < 1, both users and histories, or context that the model does not know
                or that has a value of the wrong type.
            UnknownIdError: A candidate is not in the catalogue.
        """
        given = None if histories is None else histories_of(histories)
        check_call(Recommender.recommend, {"k": k, "filter_seen": filter_seen})
        labels, rows, who = self._histories(users, given)
        allowed = None
        if candidates is not None:
            allowed = np.zeros(len(self.items), dtype=bool)
            allowed[self.items.need(ids_of(candidates, "candidates"), "candidates")] = True
        lists, popular = [], self.items.popular
        step = max(1, CELLS // len(self.items))
        for start in range(0, len(rows), step):
            block, users = rows[start : start + step], who[start : start + step]
            scorer = self.with_context(users, context).scorer
            uses = scorer.uses_context() if isinstance(scorer, ContextAware) else None
            seen = block.matrix() if filter_seen else None
            ranked = ListRows(block, users != UNKNOWN, uses, seen, allowed)
            scores = scorer.score(block)
            lists.append(top_lists(scorer, ranked, best_items(ranked, scores, int(k)), scores, popular))
        return lists_frame(lists, labels, self.items.ids)

    def _histories(
        self, users: Ids | None, histories: list[list[Any]] | None
    ) -> tuple[NDArray[Any] | pl.Series, Histories, NDArray[np.int64]]:
        """Labels (n,), histories of n rows, and stored users (n,), else UNKNOWN or GIVEN."""
        if users is not None and histories is not None:
            raise SpecError(complain("users or histories", "both", "recommend"))
        if histories is not None:
            rows = known_histories(self.items, histories)
            return np.arange(len(rows)), rows, np.full(len(rows), GIVEN)
        own = self.need_people()
        if users is None:
            return own.ids, own.histories, np.arange(len(own))
        wanted = ids_of(users, "users")
        at = own.find(wanted)
        return labels_of(own.ids, at, wanted), own.histories.known(at), at

    def audience(self, items: Ids, k: Count = 10) -> pl.DataFrame:
        """Return the users in whose lists each item ranks highest, among the items they do not have yet.

        Users who already have the item are left out; so are those for whom its score is not above 0.
        The nearest users need not be near: where `reached` is 0, no list of k items has the item.

        Returns:
            Columns item_id, user_id, place (from 1, in the user's full list), score, rank, and for
            each item reached, the users who would have it among their first k, of all `users`.
        """
        check_call(Recommender.audience, {"k": k})
        wanted, people = self.items.need(ids_of(items, "items"), "items"), self.need_people()
        ids = self.items.ids[wanted], people.ids
        return audience_frame(*ids, *audience_places(self.scorer, people.histories, wanted, CELLS), k)

    def similar(self, items: Ids, k: Count = 10) -> pl.DataFrame:
        """Return the k items most similar to each given one: columns item_id, similar_id, score, rank.

        Raises:
            UnknownIdError: An item is not in the catalogue.
        """
        check_call(Recommender.similar, {"k": k})
        wanted = self.items.need(ids_of(items, "items"), "items")
        near, values = similar_lists(self.scorer, wanted, k)
        lists = TopLists(near, values, np.zeros(near.shape, np.int8))
        frame = lists_frame([lists], self.items.ids[wanted], self.items.ids)
        return frame.rename({"item_id": "similar_id", "user_id": "item_id"}).drop("source")

    def explain(
        self,
        item: Any,
        user: Any | None = None,
        *,
        history: Iterable[Any] | None = None,
        k: Count = 3,
        context: Mapping[str, Any] | None = None,
    ) -> Explanation:
        """Divide the score of one item into signed shares: popularity, history items, user, context.

        Args:
            item: Outside id of the scored item.
            user, history: Outside user id, or outside item ids; one of them.
            k: History items and words to name at most.
            context: As in `recommend`.
        """
        check_context(context, self.context, 1)
        if (user is None) == (history is None):
            raise SpecError(complain("a user or a history", "neither" if user is None else "both", "explain"))
        check_call(Recommender.explain, {"k": k})
        given = self._histories(*([user], None) if history is None else (None, histories_of([history])))
        at = int(self.items.need(ids_of([item], "item"), "an item")[0])
        request = given[1].item.astype(np.int64), np.array([at]), k, int(given[2][0]), context
        return explain(self.scorer, self.items.titles, *request)[0]

    def add_items(self, rows: Any) -> Recommender:
        """Return a recommender with new items, placed by their content; nothing is retrained.

        Args:
            rows: Column `item_id` and any item columns of the training data, a polars or pandas
                frame or a dict; all are read as `sidelight.read` reads them, or a DataError says why not.
        """
        items, full = self.items.with_rows(item_rows(rows, self.items.table, "new items"))
        if not self.scorer.supports_cold_items:
            warnings.warn(
                f"{type(self.spec).__name__} knows items by their clicks: the {len(full)} new ones score 0 "
                "until it is fitted again; a blend with a content model places them at once",
                NewItemsWarning,
                stacklevel=2,
            )
        people = None if self.people is None else self.people.widened(len(items))
        return replace(self, scorer=self.scorer.with_items(full), items=items, people=people)

    def to_arrays(self) -> tuple[dict[str, Any], dict[str, Any], dict[str, bytes]]:
        """Return arrays, options and files from which `from_arrays` makes an equal recommender."""
        (inner, options), (outer, about, files) = self.scorer.state(), self.items.state()
        if self.people is not None:
            arrays, more = self.people.state()
            outer, about = outer | arrays, about | more
        arrays = storage.placed("scorer", inner) | storage.placed("catalogue", outer)
        meta = {
            "spec": config.to_dict(self.spec),
            "scorer": {"kind": type(self.scorer).__name__, "options": options},
            "catalogue": about,
        }
        return arrays, meta, files

    @classmethod
    def from_arrays(
        cls, arrays: dict[str, Any], meta: dict[str, Any], files: dict[str, bytes]
    ) -> Recommender:
        """Return the recommender that `to_arrays` described."""
        about, outer = meta["scorer"], storage.under("catalogue", arrays)
        scorer = restore_scorer(about["kind"], storage.under("scorer", arrays), about["options"])
        items = Items.restore(outer, meta["catalogue"], files)
        return cls(restore_spec(meta["spec"]), scorer, items, People.restore(outer, meta["catalogue"]))

    def without_people(self) -> Recommender:
        """Return the model without user ids, histories and anything else that is stored per user."""
        return replace(self, scorer=without_users(self.scorer), people=None)

    def save(
        self,
        path: str | Path,
        force: bool = False,
        metrics: Mapping[str, float | None] | None = None,
        people: bool = True,
    ) -> Path:
        """Write the bundle folder; `sidelight.load` reads it back with equal scores.

        Args:
            path: Folder to make.
            force: Replace a bundle that is there already.
            metrics: Measured values by dotted name; NaN and infinity become null.
            people: Store user ids, histories and attributes of users. Without them the bundle holds
                nothing per user: it recommends for the histories that a request brings, not for user ids.
        """
        check_call(Recommender.save, {"path": path, "force": force, "people": people})
        arrays, meta, files = (self if people else self.without_people()).to_arrays()
        known = {n: None if v is None or not np.isfinite(v) else v for n, v in (metrics or {}).items()}
        return storage.write_folder(path, arrays, {**meta, "metrics": known}, files, force)
