"""Two pictures in one, and a target that says how much of each.

* mixup: Beyond Empirical Risk Minimization. Zhang, Cisse, Dauphin, Lopez-Paz, 2017, arXiv 1710.09412.
* CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features. Yun, Han, Oh, Chun, Choe, Yoo,
  2019, arXiv 1905.04899.

Deviations: each picture has a share of its own, where the papers' code draws one a batch; mixed uint8 pixels are
rounded. A partner is another picture of the batch: it depends on which pictures the batch has, but not on their order.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from striate.data.transforms.layout import levels_of


def mixup(batch: Tensor, partners: Tensor, shares: Tensor) -> Tensor:
    """share * picture + (1 - share) * its partner, for `batch` (n, c, h, w).

    `partners`: (n,) positions in the batch. `shares`: (n,) in 0..1; 1 leaves a picture as it is, to the bit.
    """
    mixed = batch.clone()
    for index, (partner, share) in enumerate(zip(partners.tolist(), shares.tolist(), strict=True)):
        if share != 1:
            both = batch[partner].float().lerp(batch[index].float(), share)
            mixed[index] = levels_of(both, batch.dtype)
    return mixed


def cutmix(batch: Tensor, partners: Tensor, boxes: Tensor, *, source: Tensor | None = None) -> Tensor:
    """The pictures of `batch` (n, c, h, w) with the part in its box taken from the partner of each.

    `partners`: (n,) positions in the batch. `boxes`: (n, 4) int64 pixels: top, left, height, width; it may be empty.
    `source`: the batch that the partners are in; None: the same.
    """
    source = batch if source is None else source
    mixed = batch.clone()
    for picture, (partner, box) in enumerate(zip(partners.tolist(), boxes.tolist(), strict=True)):
        top, left, height, width = box
        part = (slice(None), slice(top, top + height), slice(left, left + width))
        mixed[picture][part] = source[partner][part]
    return mixed


def targets(labels: Tensor, partners: Tensor, shares: Tensor, classes: int) -> Tensor:
    """(n, classes) float32 that sum to 1: share of the picture's own of `labels` (n,), the rest of its partner's."""
    share = shares.to(labels.device, torch.float32)[:, None]
    own = functional.one_hot(labels, classes).float()
    return share * own + (1 - share) * own[partners.to(labels.device)]


def partners_of(draws: Tensor) -> Tensor:
    """(n,) int64: for each picture another of the batch, each being a partner once. `draws`: (n,) in [0, 1).

    The pictures in order of their draws are a ring, and the partner is the next one.
    """
    order = draws.argsort(stable=True)
    partners = torch.empty_like(order)
    partners[order] = order.roll(-1)
    return partners


def random_shares(draws: Tensor, alpha: float) -> Tensor:
    """(n,) float64, distributed as Beta(alpha, alpha), for alpha above 0. `draws`: (n, 2) in [0, 1).

    From Student's t with 2 alpha degrees of freedom, by Bailey, "Polar Generation of Random Variates with the
    t-Distribution", Mathematics of Computation 62, 1994: no draw is thrown away.
    """
    cosine = (2 * torch.pi * draws[:, 0]).cos()
    squared = cosine.square() * ((1 - draws[:, 1]) ** (-1 / alpha) - 1)  # t^2 / (2 alpha), which may be infinite
    return (1 + cosine.sign() / (1 + 1 / squared).sqrt()) / 2


def random_cuts(draws: Tensor, shares: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """(n, 4) int64 `boxes` for `cutmix` of pictures of `size` (height, width), and (n,) the share that is left.

    `draws`: (n, 2) in [0, 1), for the middle of the box. `shares`: (n,) of the area to leave; since a box ends at the
    border, more may be left.
    """
    extent = torch.tensor(size)
    middle = (draws * extent).long()
    sides = ((1 - shares).sqrt()[:, None] * extent).long()
    start = (middle - sides // 2).clamp_min(0)
    stop = torch.minimum(middle - sides // 2 + sides, extent)
    boxes = torch.cat([start, stop - start], 1)
    return boxes, 1 - (stop - start).prod(1).double() / extent.prod()
