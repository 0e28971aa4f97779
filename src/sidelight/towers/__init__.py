"""Encoders of items and users into one space."""
