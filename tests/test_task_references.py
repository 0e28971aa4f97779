"""Each task's loss against a slow version of its formula, from the vectors the towers give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from made_tasks import OPTIONS, TASKS, again, towers_of  # noqa: E402

import sidelight as sl  # noqa: E402
from sidelight.data.synthetic import make_synthetic  # noqa: E402
from sidelight.training.batches import Batches  # noqa: E402

Rows = Any
SPLIT = sl.split.temporal(make_synthetic(60, 50, 900, seed=1).data)
CASES: list[tuple[Any, Callable[..., float]]] = []
ELSEWHERE = {"GateSparsity"}  # depends on no item: tested with the gates


def case(task: Any) -> Callable[[Any], Any]:
    """The function below is the formula of this task."""

    def note(reference: Callable[..., float]) -> Callable[..., float]:
        CASES.append((task, reference))
        return reference

    return note


def array(tensor: Any) -> np.ndarray:
    return tensor.detach().numpy().astype(np.float64)


def unit(rows: Rows) -> np.ndarray:
    return np.array([row / max(np.linalg.norm(row), 1e-12) for row in np.atleast_2d(rows)])


def softmax(row: Rows) -> np.ndarray:
    e = np.exp(np.asarray(row) - np.max(row))
    return e / e.sum()


def kl(wanted: Rows, found: Rows) -> float:
    return float(sum(p * (np.log(p) - np.log(q)) for p, q in zip(wanted, found, strict=True) if p > 0))


def pairs(a: np.ndarray, b: np.ndarray, temperature: float) -> float:
    z = unit(a) @ unit(b).T / temperature
    n = range(len(z))
    return float(np.mean([-np.log(softmax(z[i])[i]) - np.log(softmax(z[:, i])[i]) for i in n]) / 2)


def neighbourhoods(found: np.ndarray, wanted: np.ndarray, temperature: float) -> float:
    total = 0.0
    for i in range(len(found)):
        others = [j for j in range(len(found)) if j != i]
        total += kl(softmax(wanted[i, others] / temperature), softmax(found[i, others] / temperature))
    return total / len(found)


def there(towers: Any, items: Any) -> np.ndarray:
    return np.array([[bool(m.present[i]) for m in towers.fusion.modalities] for i in items.tolist()])


def lengths(history: Any) -> list[int]:
    return [int((row >= 0).sum()) for row in history]


@case(sl.Alignment(dim=99, keep=1.0))
def alignment(task: Any, module: Any, batch: Any, towers: Any) -> float:
    h = SPLIT.histories().matrix().toarray().astype(np.float64)
    scaled = h / np.sqrt(np.maximum(h.sum(axis=1), 1))[:, None] / np.sqrt(np.maximum(h.sum(axis=0), 1))
    _, strength, right = np.linalg.svd(scaled)
    rank = len(strength) - 1
    teacher = unit(right[:rank].T * strength[:rank])
    drawn = [i for i in batch.drawn.tolist() if towers.touched[i]]
    content = array(towers.content(torch.tensor(drawn)))
    return neighbourhoods(content @ content.T, teacher[drawn] @ teacher[drawn].T, task.temperature)


@case(sl.Clustering(prototypes=4, keep=1.0))
def clustering(task: Any, module: Any, batch: Any, towers: Any) -> float:
    drawn = [i for i in batch.drawn.tolist() if there(towers, torch.tensor([i])).any()]
    scores = array(towers.content(torch.tensor(drawn))) @ unit(array(module.prototypes)).T
    q = np.exp(scores / task.epsilon - np.max(scores / task.epsilon))
    for _ in range(task.rounds):
        q = q / q.sum(axis=0)
        q = q / q.sum(axis=1)[:, None]
    rows = zip(q, scores, strict=True)
    return float(np.mean([-(a * np.log(softmax(s / task.temperature))).sum() for a, s in rows]))


@case(sl.Consistency(words=0.0, fields=0.5, noise=0.0, clicks=0.4, user=0.7))
def consistency(task: Any, module: Any, batch: Any, towers: Any) -> float:
    drawn = batch.drawn[torch.tensor(there(towers, batch.drawn).any(axis=1))]
    chance = torch.rand((len(drawn), 4), generator=batch.generator).numpy()
    items = []
    for item, draw, has in zip(drawn, chance, there(towers, drawn), strict=True):
        stays = max((m for m in range(4) if has[m]), key=lambda m: draw[m])
        shown = torch.tensor([[bool(has[m] and (draw[m] >= task.fields or m == stays)) for m in range(4)]])
        one, whole = (array(towers.content(item[None], s))[0] for s in (shown, None))
        items.append(1 - one @ whole)
    history = batch.history[torch.tensor(lengths(batch.history)) > 1]
    gone = torch.rand(history.shape, generator=batch.generator) < task.clicks
    vectors, scale = array(batch.vectors), float(towers.log_scale.exp())
    people = []
    for row, out in zip(history, gone, strict=True):
        answers = []
        for kept in (row, torch.where(out, -1, row)):
            answers.append(softmax(scale * vectors @ array(towers.users(batch.vectors, kept[None]))[0]))
        people.append(kl(*answers))
    return float(np.mean(items) + task.user * np.mean(people))


@case(sl.Contrastive(keep=1.0))
def contrastive(task: Any, module: Any, batch: Any, towers: Any) -> float:
    has, found = there(towers, batch.drawn), []
    views = [array(towers.fusion.project(m, batch.drawn)) for m in range(4)]
    for a in range(4):
        for b in range(a + 1, 4):
            both = has[:, a] & has[:, b]
            found.append(pairs(views[a][both], views[b][both], task.temperature))
    return float(np.mean(found))


@case(sl.Distillation(sl.ItemKNN(), users=12))
def distillation(task: Any, module: Any, batch: Any, towers: Any) -> float:
    scorer = task.teacher.fit(SPLIT).scorer
    fresh = torch.tensor([i for i in batch.drawn.tolist() if not towers.touched[i]])
    items = torch.cat([batch.items, fresh])
    vectors = torch.cat([batch.vectors, towers.items(fresh)])
    found = []
    for row in batch.history[: task.users]:
        inputs = [at for at in row.tolist() if at >= 0]
        if not inputs:
            continue
        one = np.zeros((1, SPLIT.data.n_items), np.float32)
        one[0, batch.items[inputs]] = 1
        scores = scorer.score(type(SPLIT.histories().matrix())(one))[0][items.numpy()].astype(np.float64)
        free = [at for at in range(len(items)) if at not in inputs]
        if scores[free].max() <= 0:
            continue
        user = array(towers.users(batch.vectors, row[None]))[0]
        logits = float(towers.log_scale.exp()) * array(vectors) @ user
        wanted = softmax(scores[free] / scores[free].max() / task.temperature)
        found.append(-float((wanted * np.log(softmax(logits[free]))).sum()))
    return float(np.mean(found))


@case(sl.LabelPrediction(sl.Tags("tags"), min_items=3))
def labels(task: Any, module: Any, batch: Any, towers: Any) -> float:
    of = [t or [] for t in SPLIT.data.items["tags"].to_list()]
    names = sorted({t for tags in of for t in tags})
    kept = [n for n in names if sum(n in tags for tags in of) >= task.min_items]
    assert 2 <= len(kept) < len(names)
    found = []
    for item in batch.drawn:
        wanted = np.array([float(n in of[int(item)]) for n in kept])
        if wanted.sum():
            logits = unit(array(module.table)) @ array(towers.items(item[None]))[0]
            chance = softmax(logits * float(module.scale) + array(module.bias))
            found.append(-float((wanted / wanted.sum() * np.log(chance)).sum()))
    return float(np.mean(found))


def columns(module: Any, decoder: Any, vector: np.ndarray, wanted: np.ndarray) -> float:
    """Cross entropy between absolute weights as shares and a softmax over the columns."""
    guess = array(decoder.weight) @ vector + array(decoder.bias)
    share = np.abs(wanted) / np.abs(wanted).sum()
    return -float((share * np.log(softmax(guess * float(module.scale)))).sum())


@case(sl.MaskedAttributes())
def masked(task: Any, module: Any, batch: Any, towers: Any) -> float:
    drawn = batch.drawn[torch.tensor(there(towers, batch.drawn).sum(axis=1) > 1)]
    chance = torch.rand((len(drawn), 4), generator=batch.generator).numpy()
    found: list[list[float]] = [[] for _ in range(4)]
    for item, draw, has in zip(drawn, chance, there(towers, drawn), strict=True):
        stays = max((m for m in range(4) if has[m]), key=lambda m: draw[m])
        hidden = [bool(has[m] and draw[m] < task.share and m != stays) for m in range(4)]
        shown = torch.tensor([[bool(has[m] and not hidden[m]) for m in range(4)]])
        vector = array(towers.content(item[None], shown))[0]
        for m in np.flatnonzero(hidden):
            modality, decoder = towers.fusion.modalities[m], module.decoders[m]
            wanted = array(modality.dense(item[None]))[0]
            if modality.sparse:
                found[m].append(columns(module, decoder, vector, wanted))
            else:
                spread = array(modality.values)[modality.present.numpy()].std(ddof=1)
                guess = array(decoder.weight) @ vector + array(decoder.bias)
                found[m].append(float((((guess - wanted) / spread) ** 2).mean()))
    return float(np.mean([np.mean(each) for each in found if each]))


@case(sl.ContentNeighbours(keep=1.0))
def neighbours(task: Any, module: Any, batch: Any, towers: Any) -> float:
    drawn = batch.drawn[torch.tensor(there(towers, batch.drawn).any(axis=1))]
    has, n = there(towers, drawn), len(drawn)
    x = [unit(array(m.dense(drawn))) for m in towers.fusion.modalities]
    near = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            both = [x[m][i] @ x[m][j] for m in range(4) if has[i, m] and has[j, m]]
            near[i, j] = np.mean(both) if both else 0.0
    content = array(towers.content(drawn))
    return neighbourhoods(content @ content.T, near, task.temperature)


@case(sl.NoiseTask())
def noise(task: Any, module: Any, batch: Any, towers: Any) -> float:
    logits = float(module.scale) * array(towers.items(batch.drawn)) @ unit(array(module.table)).T
    rows = zip(batch.drawn.tolist(), logits, strict=True)
    return float(np.mean([-np.log(softmax(row)[int(module.labels[item])]) for item, row in rows]))


@case(sl.PopularityTask())
def popularity(task: Any, module: Any, batch: Any, towers: Any) -> float:
    count = np.log(1 + SPLIT.histories().matrix().toarray().sum(axis=0))
    target = (count - count.mean()) / count.std()
    guess = array(towers.items(batch.drawn)) @ array(module.head.weight)[0] + float(module.head.bias)
    return float(np.mean((guess - target[batch.drawn.numpy()]) ** 2))


@case(sl.CrossModalPrediction())
def cross_modal(task: Any, module: Any, batch: Any, towers: Any) -> float:
    has, found = there(towers, batch.drawn), []
    for m, predictor in enumerate(module.predictors):
        values = []
        for item, row in zip(batch.drawn, has, strict=True):
            if row[m] and row.sum() > 1:
                others = torch.tensor([[bool(row[n] and n != m) for n in range(4)]])
                vector = array(towers.content(item[None], others))[0]
                guess = array(predictor.weight) @ vector + array(predictor.bias)
                wanted = array(towers.fusion.project(m, item[None]))[0]
                values.append(1 - float(unit(guess)[0] @ unit(wanted)[0]))
        found.append(np.mean(values))
    return float(np.mean(found))


@case(sl.NextContent(keep=1.0))
def next_content(task: Any, module: Any, batch: Any, towers: Any) -> float:
    log, events = SPLIT.data.interactions, {}
    for row in sorted(SPLIT.train, key=lambda r: (log.user[r], log.timestamp[r])):
        events.setdefault(int(log.user[row]), []).append(int(log.item[row]))
    items, able = batch.items.tolist(), []
    for place, row in batch.targets.tolist():
        past = events[int(batch.users[place])]
        at = past.index(items[row])
        inputs = [i for i in batch.history[place].tolist() if i >= 0]
        if at and items.index(past[at - 1]) in inputs:
            able.append((place, row, [i for i in inputs if past.index(items[i]) < at]))
    taken, found = [], []
    for at in torch.randperm(len(able), generator=batch.generator).tolist():
        if able[at][0] not in [place for place, _, _ in taken]:
            taken.append(able[at])
    for pair in taken:
        if pair[1] not in [row for _, row, _ in found]:
            found.append(pair)
    users = np.stack(
        [array(towers.users(batch.vectors, torch.tensor([inputs])))[0] for _, _, inputs in found]
    )
    guess = users @ array(module.predictor.weight).T + array(module.predictor.bias)
    wanted = array(towers.content(batch.items[[row for _, row, _ in found]]))
    return pairs(guess, wanted, task.temperature)


@case(sl.Reconstruction(keep=1.0))
def reconstruction(task: Any, module: Any, batch: Any, towers: Any) -> float:
    found = []
    for modality, decoder in zip(towers.fusion.modalities, module.decoders, strict=True):
        values = []
        for item in batch.drawn:
            wanted = array(modality.dense(item[None]))[0]
            if not modality.present[item] or not np.abs(wanted).sum():
                continue
            vector = array(towers.content(item[None]))[0]
            guess = array(decoder.weight) @ vector + array(decoder.bias)
            cosine = float(unit(guess)[0] @ unit(wanted)[0])
            values.append(columns(module, decoder, vector, wanted) if modality.sparse else 1 - cosine)
        found.append(np.mean(values))
    return float(np.mean(found))


@case(sl.Decorrelation())
def decorrelation(task: Any, module: Any, batch: Any, towers: Any) -> float:
    values = np.linalg.eigvalsh(np.cov(array(towers.content(batch.drawn)).T))
    return float(np.log(len(values) / (values.sum() ** 2 / (values**2).sum())))


@case(sl.UserAttribute("plan"))
def user_attribute(task: Any, module: Any, batch: Any, towers: Any) -> float:
    plans = SPLIT.data.users["plan"].to_list()
    names, found = sorted(set(plans) - {None}), []
    for user, row, length in zip(batch.users.tolist(), batch.history, lengths(batch.history), strict=True):
        if length and plans[user] is not None:
            vector = array(towers.users(batch.vectors, row[None]))[0]
            logits = array(module.head.weight) @ vector + array(module.head.bias)
            found.append(-np.log(softmax(logits)[names.index(plans[user])]))
    return float(np.mean(found))


@case(sl.SensitiveRemoval("gender"))
def removal(task: Any, module: Any, batch: Any, towers: Any) -> float:
    genders, rows, values = SPLIT.data.users["gender"].to_list(), [], []
    for user, row, length in zip(batch.users.tolist(), batch.history, lengths(batch.history), strict=True):
        if length and genders[user] is not None:
            rows.append(unit(array(towers.users(towers.items(batch.items), row[None])))[0])
            values.append([float(genders[user] == g) for g in sorted(set(genders) - {None})])
    u, y = np.array(rows) - np.mean(rows, axis=0), np.array(values) - np.mean(values, axis=0)
    ridge = u.shape[1] / len(u) * (u**2).sum() / u.shape[1]
    design = np.vstack([u, np.sqrt(ridge) * np.eye(u.shape[1])])
    fitted = u @ np.linalg.lstsq(design, np.vstack([y, np.zeros((u.shape[1], y.shape[1]))]), rcond=None)[0]
    return float((fitted * y).sum() / (y**2).sum())


def made(task: Any) -> tuple[Any, Any, Any]:
    """As in the contract, without dropout and with a step of its own behind every parameter."""
    towers = towers_of(SPLIT).eval()
    torch.manual_seed(0)
    module = task.build(SPLIT, towers, 0)
    noise = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in (*towers.parameters(), *module.parameters()):
            p.add_(0.1 * torch.randn(p.shape, generator=noise))
    return towers, module, Batches.of(SPLIT, replace(OPTIONS, batch_size=40)).make(0, towers)


@pytest.mark.parametrize(("task", "reference"), CASES, ids=lambda c: getattr(c, "name", ""))
def test_the_loss_is_the_formula(task: Any, reference: Callable[..., float]) -> None:
    towers, module, batch = made(task)
    found = float(module(again(batch), towers).detach())
    with torch.no_grad():
        assert found == pytest.approx(reference(task, module, again(batch), towers), rel=1e-3, abs=1e-6)


def test_every_task_that_is_shipped_has_a_formula() -> None:
    assert {type(t).__name__ for t in TASKS} == {type(t).__name__ for t, _ in CASES} | ELSEWHERE
