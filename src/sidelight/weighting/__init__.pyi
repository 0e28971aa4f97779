"""Types of the public names of this package."""

from .fixed import Fixed as Fixed
from .norm_balance import NormBalance as NormBalance
from .uncertainty import Uncertainty as Uncertainty
from .validation_guided import ValidationGuided as ValidationGuided
from .weighting import Signals as Signals
from .weighting import Weighting as Weighting
