"""Types of the public names; `sidelight/__init__.py` loads them on first use."""

from . import content as content
from . import datasets as datasets
from . import evaluation as evaluation
from . import models as models
from . import serving as serving
from . import tasks as tasks
from . import training as training
from . import weighting as weighting
from .data import split as split
from .content.categories import Categories as Categories
from .content.features import Features as Features
from .content.image import Image as Image
from .content.numbers import Numbers as Numbers
from .content.predicted_labels import PredictedLabels as PredictedLabels
from .content.tags import Tags as Tags
from .content.text import Text as Text
from .content.vector import Vector as Vector
from .data.dataset import Dataset as Dataset
from .data.histories import Histories as Histories
from .data.read import SidelightWarning as SidelightWarning, read as read, read_sql as read_sql
from .data.schema import Column as Column, Schema as Schema
from .data.schema_file import read_schema as read_schema, write_schema as write_schema
from .data.split.split import Split as Split
from .errors import SidelightError as SidelightError
from .evaluation.evaluate import evaluate as evaluate
from .evaluation.order_blind import OrderBlind as OrderBlind
from .evaluation.paired_difference import Difference as Difference, differences as differences
from .evaluation.result import Evaluation as Evaluation
from .experiment.compare import compare as compare
from .experiment.comparison import Comparison as Comparison
from .models.als import ALS as ALS
from .models.blend import Blend as Blend
from .models.content_knn import ContentKNN as ContentKNN, HybridKNN as HybridKNN
from .models.default_model import automatic as automatic
from .models.item_knn import ItemKNN as ItemKNN
from .models.linear import EASE as EASE, EASESide as EASESide
from .models.popular import Popular as Popular
from .models.recommender import Recommender as Recommender
from .models.ridge import Ridge as Ridge
from .models.two_tower import TwoTower as TwoTower
from .serving.bundle import load as load
from .serving.client.client import Client as Client
from .serving.engine import Engine as Engine
from .serving.recommend.requests import RecommendRequest as RecommendRequest
from .serving.recommend.responses import RecommendResponse as RecommendResponse
from .serving.rerank.rules import Rules as Rules
from .serving.store.store import Store as Store
from .tasks.alignment import Alignment as Alignment
from .tasks.clustering import Clustering as Clustering
from .tasks.consistency import Consistency as Consistency
from .tasks.content_neighbours import ContentNeighbours as ContentNeighbours
from .tasks.contrastive import Contrastive as Contrastive
from .tasks.distillation import Distillation as Distillation
from .tasks.label_prediction import LabelPrediction as LabelPrediction
from .tasks.masked_attributes import MaskedAttributes as MaskedAttributes
from .tasks.noise_control import NoiseTask as NoiseTask
from .tasks.popularity_control import PopularityTask as PopularityTask
from .tasks.predictive_coding import CrossModalPrediction as CrossModalPrediction, NextContent as NextContent
from .tasks.reconstruction import Reconstruction as Reconstruction
from .tasks.regularisers import Decorrelation as Decorrelation, GateSparsity as GateSparsity
from .tasks.user_attributes import SensitiveRemoval as SensitiveRemoval, UserAttribute as UserAttribute
from .training.gradient_aggregation import GradientAggregation as GradientAggregation
from .training.training_options import TrainingOptions as TrainingOptions
from .weighting.fixed import Fixed as Fixed
from .weighting.fork_merge import ForkMerge as ForkMerge
from .weighting.norm_balance import NormBalance as NormBalance
from .weighting.uncertainty import Uncertainty as Uncertainty
from .weighting.validation_guided import ValidationGuided as ValidationGuided

__version__: str
