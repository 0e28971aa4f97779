"""Sidelight: recommendation when clicks are few and content is plentiful.

Everything public is reachable from here and loaded on first use, so that importing the package
costs little and pulls in no learning framework.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

from sidelight.errors import did_you_mean
from sidelight.renamed import CLASSES

__version__ = "0.1.0"

if TYPE_CHECKING:
    from sidelight.content.categories import Categories
    from sidelight.content.features import Features
    from sidelight.content.image import Image
    from sidelight.content.numbers import Numbers
    from sidelight.content.predicted_labels import PredictedLabels
    from sidelight.content.tags import Tags
    from sidelight.content.text import Text
    from sidelight.content.vector import Vector
    from sidelight.data import split
    from sidelight.data.dataset import Dataset
    from sidelight.data.histories import Histories
    from sidelight.data.read import SidelightWarning, read, read_sql
    from sidelight.data.schema import Column, Schema
    from sidelight.data.schema_file import read_schema, write_schema
    from sidelight.data.split.split import Split
    from sidelight.errors import SidelightError
    from sidelight.evaluation.evaluate import evaluate
    from sidelight.evaluation.order_blind import OrderBlind
    from sidelight.evaluation.result import Evaluation
    from sidelight.experiment.compare import compare
    from sidelight.experiment.comparison import Comparison
    from sidelight.models.als import ALS
    from sidelight.models.blend import Blend
    from sidelight.models.content_knn import ContentKNN, HybridKNN
    from sidelight.models.default_model import automatic
    from sidelight.models.item_knn import ItemKNN
    from sidelight.models.linear import EASE, EASESide
    from sidelight.models.popular import Popular
    from sidelight.models.recommender import Recommender
    from sidelight.models.ridge import Ridge
    from sidelight.models.two_tower import TwoTower
    from sidelight.serving.bundle import load
    from sidelight.tasks.alignment import Alignment
    from sidelight.tasks.clustering import Clustering
    from sidelight.tasks.consistency import Consistency
    from sidelight.tasks.content_neighbours import ContentNeighbours
    from sidelight.tasks.contrastive import Contrastive
    from sidelight.tasks.distillation import Distillation
    from sidelight.tasks.label_prediction import LabelPrediction
    from sidelight.tasks.masked_attributes import MaskedAttributes
    from sidelight.tasks.noise_control import NoiseTask
    from sidelight.tasks.popularity_control import PopularityTask
    from sidelight.tasks.predictive_coding import CrossModalPrediction, NextContent
    from sidelight.tasks.reconstruction import Reconstruction
    from sidelight.tasks.regularisers import Decorrelation, GateSparsity
    from sidelight.tasks.user_attributes import SensitiveRemoval, UserAttribute
    from sidelight.training.gradient_aggregation import GradientAggregation
    from sidelight.training.training_options import TrainingOptions
    from sidelight.weighting.fixed import Fixed
    from sidelight.weighting.fork_merge import ForkMerge
    from sidelight.weighting.norm_balance import NormBalance
    from sidelight.weighting.uncertainty import Uncertainty
    from sidelight.weighting.validation_guided import ValidationGuided

_HOME = {
    "Dataset": "data.dataset",
    "read": "data.read",
    "read_sql": "data.read",
    "SidelightWarning": "data.read",
    "Column": "data.schema",
    "Schema": "data.schema",
    "read_schema": "data.schema_file",
    "write_schema": "data.schema_file",
    "Split": "data.split.split",
    "Features": "content.features",
    "Text": "content.text",
    "Categories": "content.categories",
    "Tags": "content.tags",
    "Numbers": "content.numbers",
    "Vector": "content.vector",
    "PredictedLabels": "content.predicted_labels",
    "Image": "content.image",
    "evaluate": "evaluation.evaluate",
    "OrderBlind": "evaluation.order_blind",
    "Evaluation": "evaluation.result",
    "Histories": "data.histories",
    "Popular": "models.popular",
    "ItemKNN": "models.item_knn",
    "ContentKNN": "models.content_knn",
    "HybridKNN": "models.content_knn",
    "EASE": "models.linear",
    "EASESide": "models.linear",
    "Ridge": "models.ridge",
    "ALS": "models.als",
    "Blend": "models.blend",
    "TwoTower": "models.two_tower",
    "automatic": "models.default_model",
    "MaskedAttributes": "tasks.masked_attributes",
    "Reconstruction": "tasks.reconstruction",
    "LabelPrediction": "tasks.label_prediction",
    "Clustering": "tasks.clustering",
    "Contrastive": "tasks.contrastive",
    "Alignment": "tasks.alignment",
    "Distillation": "tasks.distillation",
    "NoiseTask": "tasks.noise_control",
    "PopularityTask": "tasks.popularity_control",
    "ContentNeighbours": "tasks.content_neighbours",
    "CrossModalPrediction": "tasks.predictive_coding",
    "NextContent": "tasks.predictive_coding",
    "UserAttribute": "tasks.user_attributes",
    "SensitiveRemoval": "tasks.user_attributes",
    "Consistency": "tasks.consistency",
    "GateSparsity": "tasks.regularisers",
    "Decorrelation": "tasks.regularisers",
    "Fixed": "weighting.fixed",
    "Uncertainty": "weighting.uncertainty",
    "NormBalance": "weighting.norm_balance",
    "ValidationGuided": "weighting.validation_guided",
    "ForkMerge": "weighting.fork_merge",
    "GradientAggregation": "training.gradient_aggregation",
    "TrainingOptions": "training.training_options",
    "compare": "experiment.compare",
    "Comparison": "experiment.comparison",
    "Recommender": "models.recommender",
    "load": "serving.bundle",
    "SidelightError": "errors",
}

# Written out for type checkers, which cannot compute it.
__all__ = [
    "ALS",
    "EASE",
    "Alignment",
    "Blend",
    "Categories",
    "Clustering",
    "Column",
    "Comparison",
    "Consistency",
    "ContentKNN",
    "ContentNeighbours",
    "Contrastive",
    "CrossModalPrediction",
    "Dataset",
    "Decorrelation",
    "Distillation",
    "EASESide",
    "Evaluation",
    "Features",
    "Fixed",
    "ForkMerge",
    "GateSparsity",
    "GradientAggregation",
    "Histories",
    "HybridKNN",
    "Image",
    "ItemKNN",
    "LabelPrediction",
    "MaskedAttributes",
    "NextContent",
    "NoiseTask",
    "NormBalance",
    "Numbers",
    "OrderBlind",
    "Popular",
    "PopularityTask",
    "PredictedLabels",
    "Recommender",
    "Reconstruction",
    "Ridge",
    "Schema",
    "SensitiveRemoval",
    "SidelightError",
    "SidelightWarning",
    "Split",
    "Tags",
    "Text",
    "TrainingOptions",
    "TwoTower",
    "Uncertainty",
    "UserAttribute",
    "ValidationGuided",
    "Vector",
    "__version__",
    "automatic",
    "compare",
    "evaluate",
    "load",
    "read",
    "read_schema",
    "read_sql",
    "split",
    "write_schema",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "split":
        return import_module("sidelight.data.split")
    if name in CLASSES:
        message = f"sidelight.{name} is now sidelight.{CLASSES[name]}; the former name goes with version 0.3"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        name = CLASSES[name]
    if name in _HOME:
        return getattr(import_module(f"sidelight.{_HOME[name]}"), name)
    hint = "" if name.startswith("_") else f"; {did_you_mean(name, ['split', *_HOME])}"
    raise AttributeError(f"module 'sidelight' has no attribute {name!r}{hint}")


def __dir__() -> list[str]:
    return sorted(__all__)
