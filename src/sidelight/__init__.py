"""Sidelight: recommendation when clicks are few and content is plentiful.

Everything public is reachable from here and loaded on first use, so that importing the package
costs little and imports no learning framework. `__init__.pyi` says where each name is defined.
"""

from __future__ import annotations

from typing import Any

from sidelight import public_names
from sidelight.renamed import CLASSES, former

__version__ = "0.1.0"

__all__ = [
    "ALS", "BPR", "EASE", "L3AE", "Alignment", "AttentionPooling", "Blend", "Categories", "Client",
    "Clustering", "Column", "Comparison", "Consistency", "ContentKNN", "ContentNeighbours", "Contrastive",
    "CrossModalPrediction", "Dataset", "Decorrelation", "Difference", "Distillation", "EASESide", "Engine",
    "Evaluation", "Features", "Fixed", "ForkMerge", "GateSparsity", "GradientAggregation", "GradientSum",
    "Histories", "HybridKNN", "Image", "ItemKNN", "LabelPrediction", "Links", "Loop", "MaskedAttributes",
    "MeanPooling", "NextContent", "NoiseTask", "NormBalance", "Numbers", "OrderBlind", "Popular",
    "PopularityTask", "PredictedLabels", "RecommendRequest", "RecommendResponse", "Recommender",
    "Reconstruction", "Ridge", "Rules", "Schema", "SensitiveRemoval", "SequentialRules", "SidelightError",
    "SidelightWarning", "Softmax", "Split", "Store", "Tags", "Text", "TrainingOptions", "TwoTower",
    "Uncertainty", "UserAttribute", "ValidationGuided", "Vector", "__version__", "automatic", "compare",
    "content", "datasets", "differences", "evaluate", "evaluation", "from_frames", "load", "models", "read",
    "read_schema", "read_sql", "serving", "split", "tasks", "training", "weighting", "write_schema",
]  # fmt: skip

_load, __dir__ = public_names.attach(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name in CLASSES:
        return former(name, CLASSES[name])
    return _load(name)
