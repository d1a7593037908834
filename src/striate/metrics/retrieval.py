"""How good a ranking by similarity is, where labels say what belongs together.

All take `relevant`: (queries, n) bool, whether the r-th answer of a query has its label, best answer first; `ranked`
makes it. A query that nothing belongs to is left out; nan where that is all of them.
"""

from __future__ import annotations

import torch
from torch import Tensor


def ranked(similarities: Tensor, query_labels: Tensor, labels: Tensor, itself: Tensor | None = None) -> Tensor:
    """(queries, n) bool for `similarities` (queries, n) of entries with `labels` (n,); ties in the order of entries.

    `itself`: (queries,) the position at which each query itself stands among the entries; it is left out, which leaves
    n - 1 answers.
    """
    order = similarities.argsort(dim=1, descending=True, stable=True)
    if itself is not None:
        order = order[order != itself[:, None]].reshape(len(order), -1)
    return labels[order] == query_labels[:, None]


def mean_average_precision(relevant: Tensor) -> float:
    """The mean over queries of the mean precision at the places of their relevant answers, 0..1.

    >>> mean_average_precision(torch.tensor([[True, False, True, False]]))
    0.8333...
    """
    hits = relevant.double()
    precision = hits.cumsum(1) / torch.arange(1, hits.shape[1] + 1)
    return float(((precision * hits).sum(1) / hits.sum(1)).nanmean())


def recall_at(relevant: Tensor, k: int) -> float:
    """The share of queries with a relevant answer among the first `k`: recall@k as image retrieval counts it.

    Jégou, Douze, Schmid, Product Quantization for Nearest Neighbor Search, TPAMI 2011.
    """
    _check(k)
    counted = relevant[relevant.any(1)]
    return float(counted[:, :k].any(1).double().mean())


def precision_at(relevant: Tensor, k: int) -> float:
    """The mean share of relevant ones among the first `k` answers, or among all where there are fewer."""
    _check(k)
    counted = relevant[relevant.any(1)]
    return float(counted[:, :k].double().mean())


def _check(k: int) -> None:
    if k < 1:
        raise ValueError(f"k is {k}; it must be at least 1.")
