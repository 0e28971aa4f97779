"""Types of the public names of this package."""

from .movielens import ml_1m as ml_1m
from .movielens import ml_100k as ml_100k
from .movielens import ml_latest_small as ml_latest_small
from .registry import find as find
from .registry import get as get
