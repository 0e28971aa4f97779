"""Types of the public names of this package."""

from .gradient_aggregation import GradientAggregation as GradientAggregation
from .training_options import TrainingOptions as TrainingOptions
