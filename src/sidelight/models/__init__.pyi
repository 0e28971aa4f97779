"""Types of the public names of this package."""

from .als import ALS as ALS
from .blend import Blend as Blend
from .content_knn import ContentKNN as ContentKNN
from .content_knn import HybridKNN as HybridKNN
from .default_model import automatic as automatic
from .default_model import components as components
from .default_model import content_of as content_of
from .item_knn import ItemKNN as ItemKNN
from .l3ae import L3AE as L3AE
from .linear import EASE as EASE
from .linear import EASESide as EASESide
from .popular import Popular as Popular
from .recommender import Recommender as Recommender
from .restore import register_scorer as register_scorer
from .ridge import Ridge as Ridge
from .scorer import Scorer as Scorer
from .sequential_rules import SequentialRules as SequentialRules
from .two_tower import TwoTower as TwoTower
