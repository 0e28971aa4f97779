"""Auxiliary tasks, one file each: what content can teach a model beside the clicks."""
