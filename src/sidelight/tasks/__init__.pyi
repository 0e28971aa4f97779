"""Types of the public names of this package."""

from .alignment import Alignment as Alignment
from .clustering import Clustering as Clustering
from .consistency import Consistency as Consistency
from .content_neighbours import ContentNeighbours as ContentNeighbours
from .contrastive import Contrastive as Contrastive
from .distillation import Distillation as Distillation
from .label_prediction import LabelPrediction as LabelPrediction
from .masked_attributes import MaskedAttributes as MaskedAttributes
from .noise_control import NoiseTask as NoiseTask
from .popularity_control import PopularityTask as PopularityTask
from .predictive_coding import CrossModalPrediction as CrossModalPrediction
from .predictive_coding import NextContent as NextContent
from .reconstruction import Reconstruction as Reconstruction
from .regularisers import Decorrelation as Decorrelation
from .regularisers import GateSparsity as GateSparsity
from .task import Task as Task
from .user_attributes import SensitiveRemoval as SensitiveRemoval
from .user_attributes import UserAttribute as UserAttribute
