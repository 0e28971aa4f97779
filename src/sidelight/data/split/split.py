"""`Split`: training, validation and sealed test events, candidates and cold items; one hash over all."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from sidelight.data.dataset import Dataset, fingerprint
from sidelight.data.histories import Histories
from sidelight.errors import SpecError
from sidelight.renamed import former

Part = Literal["train", "validation", "test"]
TestHistory = Literal["train", "train+validation"]


def _no_rows() -> NDArray[np.int64]:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Split:
    """Division of a data set's events, made once and used by fitting, evaluation and comparison.

    Args:
        data: The data set.
        train, validation: int64 indices into `data.interactions`, ascending.
        sealed: int64 indices of the test events. Read them through `truth("test", final=True)`.
        candidates: bool, shape (n_items,): items that may be recommended.
        cold: bool, shape (n_items,): items with no event to fit on (and what a published split
            declares cold). Disjoint from warm = ~cold.
        simulated: bool, shape (n_items,): warm items that `selection_split` hides as stand-ins for cold ones.
        how: Name and options of the rule that made it, enough to make it again.
        mask: "seen" ranks against everything but the history; "others" also masks a user's
            positives from the parts not under evaluation (protocol of several published splits).
        overall_users: Users of the overall slice: with "any" test item, or with "both" cold and
            warm ones (protocol of the ALDI line of papers).
        given: int64, subset of `train`: events that are a history at recommendation time only and
            that no model may be fitted on (users held out as new ones). Empty for most splits.
        test_history: Events in the history while the test part is ranked: "train", or
            "train+validation" where validation lies between the two in the user's order, as in
            use and in published figures. Nothing is fitted on them; see `joined` for that.

    Examples:
        >>> import sidelight as sl
        >>> from sidelight.data.synthetic import make_synthetic
        >>> split = sl.split.leave_last_out(make_synthetic(30, 20, 200).data)
        >>> split
        Split(leave_last_out: 142 train, 29 validation, 29 test, 0 cold items)
        >>> split.histories()
        Histories(30 rows, 142 events, 20 items)
    """

    data: Dataset
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    sealed: NDArray[np.int64]
    candidates: NDArray[np.bool_]
    cold: NDArray[np.bool_]
    simulated: NDArray[np.bool_]
    how: dict[str, Any] = field(default_factory=dict)
    mask: Literal["seen", "others"] = "seen"
    overall_users: Literal["any", "both"] = "any"
    given: NDArray[np.int64] = field(default_factory=_no_rows)
    test_history: TestHistory = "train"

    def __repr__(self) -> str:
        sizes = f"{len(self.train):,} train, {len(self.validation):,} validation, {len(self.sealed):,} test"
        return f"Split({self.how.get('rule', 'made by hand')}: {sizes}, {int(self.cold.sum()):,} cold items)"

    @property
    def warm(self) -> NDArray[np.bool_]:
        """bool, shape (n_items,)."""
        return ~self.cold

    @property
    def fit_rows(self) -> NDArray[np.int64]:
        """int64 event indices a model may be fitted on: `train` without `given`."""
        if len(self.given) == 0:
            return self.train
        return np.setdiff1d(self.train, self.given, assume_unique=True)

    def known_rows(self, part: Part = "validation") -> NDArray[np.int64]:
        """Return the events of the histories while a part is ranked, int64 indices, ascending.

        Training events; for the test part also validation events where `test_history` says so.
        """
        if part == "test" and self.test_history == "train+validation":
            return np.sort(np.concatenate([self.train, self.validation]))
        return self.train

    def histories(self, part: Part = "validation") -> Histories:
        """Return the histories to use while a part is ranked, one row per user, oldest first."""
        both = part == "test" and self.test_history == "train+validation"
        return self._of(self.known_rows(part)) if both else self._known

    @cached_property
    def _known(self) -> Histories:
        return self._of(self.train)

    def _of(self, rows: NDArray[np.int64]) -> Histories:
        return self.data.interactions.histories(self.data.shape, rows)

    def fitting(self) -> sp.csr_matrix:
        """Return the matrix to fit on: `histories` without the held-out users' rows, same shape."""
        return self.data.matrix(self.fit_rows)

    def rows(self, part: Part, final: bool = False) -> NDArray[np.int64]:
        """Return the event indices of a part; the test part opens only with `final=True`."""
        if part == "train":
            return self.train
        if part == "validation":
            return self.validation
        if part == "test":
            if not final:
                raise SpecError(
                    "the test part is sealed: select on part='validation'; to open it once, "
                    "call with final=True (command line: evaluate --final)"
                )
            return self.sealed
        raise SpecError(f"expected part 'train', 'validation' or 'test'; found {part!r}")

    def truth(self, part: Part = "validation", final: bool = False) -> sp.csr_matrix:
        """Return relevant items of each user in a part, binary CSR (n_users, n_items), without `excluded`.

        An item that the user already has is not a target: it could not be recommended to them
        again. So the truth never holds a pair that gets no rank.
        """
        found = self.data.matrix(self.rows(part, final))
        if part == "train":
            return found
        out = (found - found.multiply(self.excluded(part))).tocsr()
        out.eliminate_zeros()
        out.sort_indices()
        return out

    def excluded(self, part: Part = "validation") -> sp.csr_matrix:
        """Return the pairs that get no rank while a part is evaluated, binary CSR (n_users, n_items)."""
        rows = [self.train]
        if self.mask == "others":
            rows.append(self.sealed if part == "validation" else self.validation)
        elif part == "test":
            rows.append(self.validation)
        return self.data.matrix(np.concatenate(rows))

    def blind(self) -> Split:
        """Return the split without its test part, to choose on: not even masked pairs reveal it."""
        return replace(self, sealed=_no_rows(), mask="seen")

    @cached_property
    def hash(self) -> str:
        """sha256 in hex over all fields: equal where the data, every part and every option is equal.

        The one identity of a split: evaluations, runs of comparisons and the test-access log name it.
        `how["chosen"]`, a sentence for readers, does not count.
        """
        how = {name: value for name, value in self.how.items() if name != "chosen"}
        data = self.data
        tables = data.interactions, data.item_ids, data.user_ids, data.items, data.users
        options = self.mask, self.overall_users, self.test_history
        page = [data.fingerprint or fingerprint(*tables), *options, how]
        digest = hashlib.sha256(json.dumps(page, sort_keys=True, default=str).encode())
        for rows in (self.train, self.given, self.validation, self.sealed):
            digest.update(f"|{len(rows)}|".encode() + np.ascontiguousarray(rows, dtype="<i8").tobytes())
        for mask in (self.candidates, self.cold, self.simulated):
            digest.update(f"|{len(mask)}|".encode() + np.packbits(mask).tobytes())
        return digest.hexdigest()

    def selection(self, minimum: int = 200, fold: int = 0) -> Split:
        """Return `sidelight.split.selection_split(...)`; the former name of that function."""
        found: Split = former("Split.selection", "split.selection_split")(self, minimum, fold=fold)
        return found

    def joined(self) -> Split:
        """Return the split for the last fit: training and validation events together train.

        Cold are the items that have no event even so. Users whose validation events are learned
        from are no longer held out: their `given` events are fitted on as well. The sealed part
        stays; figures are still taken on the split itself, whose slices do not move.
        """
        if len(self.validation) == 0:
            return self
        log = self.data.interactions
        kept = ~np.isin(log.user[self.given], log.user[self.validation])
        whole = replace(
            self,
            train=np.sort(np.concatenate([self.train, self.validation])),
            validation=_no_rows(),
            given=self.given[kept],
            how={**self.how, "joined": True},
            test_history="train+validation",
        )
        touched = np.bincount(log.item[whole.fit_rows], minlength=self.data.n_items) > 0
        return replace(whole, cold=~touched)

    def summary(self) -> dict[str, Any]:
        """Return counts for reports; the test part is counted, none of its rows is shown.

        Keys: users, items, candidates, warm_items, cold_items, simulated_items, simulated_events,
        given_events, test_history, how, and for each of train, validation and test a dict of events, share,
        users, items, cold_events and cold_items.
        """
        log = self.data.interactions
        parts = {"train": self.train, "validation": self.validation, "test": self.sealed}
        total = max(1, sum(len(rows) for rows in parts.values()))
        out: dict[str, Any] = {
            "users": self.data.n_users,
            "items": self.data.n_items,
            "candidates": int(self.candidates.sum()),
            "warm_items": int(self.warm.sum()),
            "cold_items": int(self.cold.sum()),
            "simulated_items": int(self.simulated.sum()),
            "simulated_events": int(self.simulated[log.item[self.train]].sum()),
            "given_events": len(self.given),
            "test_history": self.test_history,
            "how": self.how,
        }
        for name, rows in parts.items():
            cold = self.cold[log.item[rows]]
            out[name] = {
                "events": len(rows),
                "share": len(rows) / total,
                "users": len(np.unique(log.user[rows])),
                "items": len(np.unique(log.item[rows])),
                "cold_events": int(cold.sum()),
                "cold_items": len(np.unique(log.item[rows][cold])),
            }
        return out
