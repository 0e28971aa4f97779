"""Tables, ids, schema, histories and splits. No model, no torch."""

from sidelight import public_names

__all__ = ["split"]

__getattr__, __dir__ = public_names.attach(__name__, __file__)
