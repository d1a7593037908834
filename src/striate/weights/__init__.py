"""Weights: the catalogue of public ones, files of every common kind, and their way into a network."""
