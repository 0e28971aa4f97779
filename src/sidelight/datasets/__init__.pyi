"""Types of the public names of this package."""

from .movielens import ml_100k as ml_100k, ml_1m as ml_1m, ml_latest_small as ml_latest_small
from .registry import find as find, get as get
