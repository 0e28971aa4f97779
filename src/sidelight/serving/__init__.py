"""Bundles, store of versions, engine, service and client. Imports no torch."""

from sidelight import public_names

__all__ = [
    "Audience", "Client", "Database", "Engine", "EngineOptions", "Event", "Exploration",
    "HttpOptions", "ItemCondition", "Pin", "RankedItem", "RecommendRequest", "RecommendResponse", "Rules",
    "Store", "create_app", "load", "save",
]  # fmt: skip

__getattr__, __dir__ = public_names.attach(__name__, __file__)
