"""Types of the public names of this package."""

from .fork_merge import ForkMerge as ForkMerge
from .gradient_aggregation import GradientAggregation as GradientAggregation
from .objectives.bpr import BPR as BPR
from .objectives.objective import Objective as Objective
from .objectives.softmax import Softmax as Softmax
from .schedules import Loop as Loop
from .schedules import Schedule as Schedule
from .steps import GradientSum as GradientSum
from .steps import Step as Step
from .training_options import TrainingOptions as TrainingOptions
