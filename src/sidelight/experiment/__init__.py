"""Paired comparisons of arms: what differs between two specs, and how surely."""
