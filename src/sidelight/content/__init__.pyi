"""Types of the public names of this package."""

from .cache import Cache as Cache
from .categories import Categories as Categories
from .features import Features as Features
from .image import Image as Image
from .links import Links as Links
from .numbers import Numbers as Numbers
from .predicted_labels import PredictedLabels as PredictedLabels
from .protocols import Content as Content
from .protocols import Encoder as Encoder
from .protocols import fit_features as fit_features
from .tags import Tags as Tags
from .text import Text as Text
from .vector import Vector as Vector
