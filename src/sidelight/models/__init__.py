"""Models: frozen dataclasses of options with `fit(split)`, and the fitted `Recommender`."""

from sidelight import public_names

__all__ = [
    "ALS", "EASE", "L3AE", "Blend", "ContentKNN", "EASESide", "HybridKNN", "ItemKNN", "Popular",
    "Recommender", "Ridge", "Scorer", "SequentialRules", "TwoTower", "automatic", "components",
    "content_of", "register_scorer",
]  # fmt: skip

__getattr__, __dir__ = public_names.attach(__name__, __file__)
