"""Classifiers of features, one file each: `(features, labels, classes, strengths) -> tensors of each strength`."""
