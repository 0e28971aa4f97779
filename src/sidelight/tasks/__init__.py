"""Auxiliary tasks, one per file: what content and side information teach a model beside interactions."""

from sidelight import public_names

__all__ = [
    "Alignment", "Clustering", "Consistency", "ContentNeighbours", "Contrastive", "CrossModalPrediction",
    "Decorrelation", "Distillation", "GateSparsity", "LabelPrediction", "MaskedAttributes", "NextContent",
    "NoiseTask", "PopularityTask", "Reconstruction", "SensitiveRemoval", "Task", "UserAttribute",
]  # fmt: skip

__getattr__, __dir__ = public_names.attach(__name__, __file__)
