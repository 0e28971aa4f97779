"""Content specs, one modality per file: values with a mask of what is present. No torch."""

from sidelight import public_names

__all__ = [
    "Cache", "Categories", "Content", "Encoder", "Features", "Image", "Links", "Numbers",
    "PredictedLabels", "Tags", "Text", "Vector", "fit_features",
]  # fmt: skip

__getattr__, __dir__ = public_names.attach(__name__, __file__)
