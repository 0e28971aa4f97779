"""Item and user towers, and the parts they are made of."""

from sidelight import public_names

__all__ = [
    "AttentionPooling", "ContentFusion", "IdResidual", "ItemInputs", "ItemPart", "MeanPooling", "UserEncoder",
]  # fmt: skip

__getattr__, __dir__ = public_names.attach(__name__, __file__)
