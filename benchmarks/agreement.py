"""The accuracy metrics beside two outside libraries, user by user, on the same random rankings.

Makes a virtual environment in a temporary folder, installs ranx and pytrec_eval there, hands them the
rankings as JSON and compares. Rankings have no ties (libraries break them in different ways), every
user has something relevant (else libraries answer 0, Sidelight NaN).

Definitions that differ, and how they are compared:
- map: both libraries divide by all relevant items, Sidelight by min(relevant, k): ours is scaled by
  min(relevant, k) / relevant first. So where nobody has more than k, it is compared as it stands.
- mrr: trec_eval knows no cut-off: it is given the first k items only.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

OUTSIDE = ("ranx==0.3.21", "pytrec-eval-terrier==0.5.11")
KS = (1, 5, 10, 20, 50)
USERS, ITEMS, LENGTH, MOST_RELEVANT, SEED = 600, 400, 50, 60, 20
BAR = 1e-9
NAMES = ("recall", "ndcg", "hit_rate", "mrr", "map", "precision")
TREC = {"recall": "recall", "ndcg": "ndcg_cut", "hit_rate": "success", "map": "map_cut", "precision": "P"}


def outside(source: str, target: str) -> None:
    """Runs in the side environment: {"library.metric@k": {user: value}} for both libraries."""
    import pytrec_eval
    from ranx import Qrels, Run, evaluate

    told = json.loads(Path(source).read_text())
    truth, runs = told["truth"], told["runs"]
    found: dict[str, dict[str, float]] = {}
    asked = [f"{name}@{k}" for name in NAMES for k in KS]
    run = Run(runs)
    evaluate(Qrels(truth), run, asked, return_mean=False)
    for name in asked:
        found[f"ranx.{name}"] = {u: float(v) for u, v in run.scores[name].items()}
    cuts = ",".join(str(k) for k in KS)
    judge = pytrec_eval.RelevanceEvaluator(truth, {f"{name}.{cuts}" for name in TREC.values()})
    values = judge.evaluate(runs)
    for name, theirs in TREC.items():
        for k in KS:
            found[f"trec_eval.{name}@{k}"] = {u: v[f"{theirs}_{k}"] for u, v in values.items()}
    for k in KS:
        cut = {u: dict(sorted(r.items(), key=lambda pair: -pair[1])[:k]) for u, r in runs.items()}
        values = pytrec_eval.RelevanceEvaluator(truth, {"recip_rank"}).evaluate(cut)
        found[f"trec_eval.mrr@{k}"] = {u: v["recip_rank"] for u, v in values.items()}
    Path(target).write_text(json.dumps(found))


def in_side_environment(case: dict[str, Any]) -> dict[str, dict[str, float]]:
    """What the outside libraries say, from an environment that is gone afterwards."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        print("making a virtual environment for the outside libraries", file=sys.stderr)
        venv.create(folder / "venv", with_pip=True)
        python = str(folder / "venv" / "bin" / "python")
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *OUTSIDE]
        subprocess.run(install, check=True, stdout=sys.stderr)
        source, target = folder / "case.json", folder / "found.json"
        source.write_text(json.dumps(case))
        print("asking the outside libraries", file=sys.stderr)
        command = [python, str(Path(__file__).resolve()), "--outside", str(source), str(target)]
        subprocess.run(command, check=True, stdout=sys.stderr)
        found: dict[str, dict[str, float]] = json.loads(target.read_text())
        return found


def main() -> None:
    """Compare every metric at every cut-off and report the largest difference of any user."""
    import numpy as np
    import scipy.sparse as sp
    import shape

    from sidelight.evaluation.metrics import hits, score

    run = shape.start("agreement", needs_data=False)
    rng = np.random.default_rng(SEED)
    items = np.stack([rng.permutation(ITEMS)[:LENGTH] for _ in range(USERS)]).astype(np.int32)
    sizes = rng.integers(1, MOST_RELEVANT + 1, USERS)
    # Half of what is relevant is drawn from the list: so lists are neither all right nor all wrong.
    chosen = [
        np.union1d(rng.choice(row, min(LENGTH, n // 2), replace=False), rng.permutation(ITEMS)[: n - n // 2])
        for row, n in zip(items, sizes, strict=True)
    ]
    rows = np.repeat(np.arange(USERS), [len(found) for found in chosen])
    truth = sp.csr_matrix((np.ones(len(rows)), (rows, np.concatenate(chosen))), shape=(USERS, ITEMS))
    case = {
        "truth": {f"u{u}": {f"i{i}": 1 for i in found} for u, found in enumerate(chosen)},
        "runs": {
            f"u{u}": {f"i{i}": float(LENGTH - r) for r, i in enumerate(row)} for u, row in enumerate(items)
        },
    }
    outside_values = in_side_environment(case)
    hit, relevant = hits(items, truth)
    figures: dict[str, float] = {}
    for name in NAMES:
        for k in KS:
            ours = score(name, hit, relevant, k)
            if name == "map":
                ours = ours * np.minimum(relevant, k) / relevant
            for library in ("ranx", "trec_eval"):
                theirs = outside_values[f"{library}.{name}@{k}"]
                gap = max(abs(float(ours[u]) - theirs[f"u{u}"]) for u in range(USERS))
                key = f"{library}.{name}.largest_difference"
                figures[key] = max(figures.get(key, 0.0), gap)
    worst = max(figures.values())
    figures["worst.largest_difference"] = worst
    figures["compared.values"] = float(len(NAMES) * len(KS) * USERS * 2)
    print(f"largest difference of any user, metric and cut-off: {worst:.2e}", file=sys.stderr)
    fingerprint = f"synthetic, seed {SEED}"
    libraries = {"outside": list(OUTSIDE), "bar": BAR}
    shape.emit("agreement", figures, {}, run.seconds(), shape.peak_mb(), run.out, fingerprint, **libraries)
    if not worst <= BAR:
        raise SystemExit(f"expected agreement within {BAR}; found {worst:.2e}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--outside"]:
        outside(*sys.argv[2:4])
    else:
        main()
