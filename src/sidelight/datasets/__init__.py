"""Public data sets: download, check and convert."""

from sidelight import public_names

__all__ = ["find", "get", "ml_1m", "ml_100k", "ml_latest_small"]

__getattr__, __dir__ = public_names.attach(__name__, __file__)
