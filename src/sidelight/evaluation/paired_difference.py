"""Two evaluations of the same users: what differs, how surely."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sidelight.errors import DataError, SpecError, complain, did_you_mean
from sidelight.evaluation.protocol import same_protocol
from sidelight.evaluation.result import Evaluation
from sidelight.evaluation.statistics import Interval, holm, paired_bootstrap, sign_flip_test


@dataclass(frozen=True)
class Difference:
    """Mean of one figure of model A minus that of model B over the same users.

    Args:
        name: "slice.metric@k".
        interval: The mean difference with its paired bootstrap interval.
        p: Two-sided p-value of the sign-flip test.
        p_holm: The same, adjusted for all differences asked for together.

    Examples:
        >>> import sidelight as sl
        >>> from sidelight.data.synthetic import make_synthetic
        >>> split = sl.split.temporal(make_synthetic(40, 60, 600, seed=1).data)
        >>> found = sl.evaluate(sl.Popular().fit(split), split, ks=[5])
        >>> type(sl.differences(found, found)[0]).__name__
        'Difference'
    """

    name: str
    interval: Interval
    p: float
    p_holm: float


def differences(
    a: Evaluation,
    b: Evaluation,
    *,
    names: Sequence[str] | None = None,
    n: int = 10_000,
    level: float = 0.95,
    seed: int = 0,
) -> list[Difference]:
    """Paired differences a - b of per-user figures, with intervals, tests and Holm's adjustment.

    Args:
        a, b: Evaluations of the same part of the same split, with the same history.
        names: Figures "slice.metric@k"; None means ndcg (or else the first metric) at the largest
            k in every slice. All named figures form the family that Holm's adjustment is over.
        n: Resamples and sign patterns.
        level: Nominal coverage of the intervals.
        seed: Equal seeds give equal results.

    Raises:
        DataError: Other parts, splits (`Split.hash`), histories or users, or a figure that is undefined for
            different users.
        SpecError: An unknown figure, or one without a value per user (a total).

    Examples:
        >>> import sidelight as sl
        >>> from sidelight.data.synthetic import make_synthetic
        >>> split = sl.split.temporal(make_synthetic(40, 60, 600, seed=1).data)
        >>> found = sl.evaluate(sl.Popular().fit(split), split, ks=[5])
        >>> [gap.name for gap in sl.differences(found, found, names=["overall.ndcg@5"])]
        ['overall.ndcg@5']
    """
    names = _default(a) if names is None else list(names)
    if a.part != b.part:
        raise DataError(complain("two evaluations of one part of one split", f"{a.part} and {b.part}"))
    same_protocol(a.info, b.info)
    intervals, ps = [], []
    for name in names:
        first, second = _pair(a, b, name)
        intervals.append(paired_bootstrap(first, second, n, level, seed))
        ps.append(sign_flip_test(first - second, n, seed))
    rows = zip(names, intervals, ps, holm(ps), strict=True)
    return [Difference(name, found, p, float(adjusted)) for name, found, p, adjusted in rows]


def _default(a: Evaluation) -> list[str]:
    k = a.ks[-1]
    out = []
    for name, metrics in a.values.items():
        asked = f"ndcg@{k}" if f"ndcg@{k}" in metrics else next(iter(metrics))
        out.append(f"{name}.{asked}")
    return out


def _pair(a: Evaluation, b: Evaluation, name: str) -> tuple[np.ndarray, np.ndarray]:
    known = [f"{s}.{m}" for s, metrics in a.values.items() for m in metrics if m in b.values.get(s, {})]
    if name not in known:
        raise SpecError(f"no figure {name!r} for each user in both; {did_you_mean(name, known)}")
    part, _, metric = name.rpartition(".")
    if not np.array_equal(a.users[part], b.users[part]):
        found = f"{len(a.users[part])} and {len(b.users[part])} users"
        raise DataError(complain("the same users", found, f"slice {part!r}", "evaluate both on one split"))
    first, second = a.values[part][metric], b.values[part][metric]
    defined = np.isfinite(first)
    if not np.array_equal(defined, np.isfinite(second)):
        raise DataError(complain("a figure that is defined for the same users in both", "other users", name))
    return first[defined], second[defined]
