"""Windows that move over numbers of any dimensions: their weighted sums and their maxima.

A window sum is taken number by number of the kernel: that number times a shifted view of the picture, all added up in
double precision. Done in strips small enough to stay in a processor's cache, one strip a thread, it needs neither
torch's convolution (which unfolds the picture) nor a kernel that separates. Kernels of many numbers go through the
Fourier transform.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from math import prod

import torch
from torch import Tensor

Shape = tuple[int, ...]  # one number for each axis of a kernel
STRIP = 32_000  # numbers of one strip; torch shares out work among its own threads from 32,768 on
MOST_PRODUCTS = 256  # numbers of a kernel beyond which the Fourier transform is quicker
EVEN = 64  # lengths are rounded up to multiples of this before a transform: large prime factors are slow


def extent(kernel: int, dilation: int) -> int:
    """Pixels from the first to the last that a kernel of so many numbers reaches.

    >>> extent(3, 2)
    5
    """
    return dilation * (kernel - 1) + 1


def windows_along(sizes: Shape, kernel: Shape, stride: Shape, dilation: Shape) -> Shape:
    """How many windows fit along each axis of `sizes`."""
    reach = [extent(k, d) for k, d in zip(kernel, dilation, strict=True)]
    return tuple((n - e) // s + 1 for n, e, s in zip(sizes, reach, stride, strict=True))


def window_sums(picture: Tensor, kernel: Tensor, stride: Shape, dilation: Shape) -> Tensor:
    """The sum of the products of `kernel` with every window of `picture`, whose last axes are those of the kernel.

    The kernel is laid on as it is, not turned. Every axis must have room for one window. The result has the type of a
    floating-point picture, else float64; the sums are taken in float64 whatever the types.
    """
    axes = kernel.ndim
    lead, sizes = picture.shape[:-axes], tuple(picture.shape[-axes:])
    counts = windows_along(sizes, tuple(kernel.shape), stride, dilation)
    kind = picture.dtype if picture.is_floating_point() else torch.float64
    sums = torch.empty(*lead, *counts, dtype=kind, device=picture.device)
    flat, out = picture.reshape(-1, *sizes), sums.view(-1, *counts)
    if kernel.numel() > MOST_PRODUCTS:
        for one, result in zip(flat, out, strict=True):
            result.copy_(_by_transform(one, kernel, counts, stride, dilation))
        return sums

    def strip_of(strip: Tensor, result: Tensor) -> None:
        numbers = strip.to(torch.float64)
        total = result if kind is torch.float64 else torch.empty(result.shape, dtype=torch.float64, device=out.device)
        views = shifted(numbers, tuple(kernel.shape), tuple(result.shape), stride, dilation)
        for number, (weight, view) in enumerate(zip(weights, views, strict=True)):
            if number == 0:
                torch.mul(view, weight, out=total)
            elif weight != 0:
                total.add_(view, alpha=weight)
        if total is not result:
            result.copy_(total)

    weights = kernel.double().flatten().tolist()
    _in_strips(flat, out, strip_of, stride[0], extent(kernel.shape[0], dilation[0]))
    return sums


def window_maxima(picture: Tensor, size: Shape, stride: Shape, dilation: Shape) -> Tensor:
    """The largest number in every window of `size` of `picture`, in the picture's own type."""
    counts = windows_along(tuple(picture.shape[-len(size) :]), size, stride, dilation)
    flat = picture.reshape(-1, *picture.shape[-len(size) :])
    largest = torch.stack(
        [_largest(shifted(one, size, counts, stride, dilation)) for one in flat]
    )  # one picture or channel at a time: a shifted view of all would not be contiguous anywhere
    return largest.view(*picture.shape[: -len(size)], *counts)


def _largest(views: Iterator[Tensor]) -> Tensor:
    found = next(views).clone()
    for view in views:
        torch.maximum(found, view, out=found)
    return found


def shifted(numbers: Tensor, size: Shape, counts: Shape, stride: Shape, dilation: Shape) -> Iterator[Tensor]:
    """For each place of a window of `size`, in order, what lies there in every one of the windows: (*counts)."""
    for place in product(*(range(n) for n in size)):
        starts = [p * d for p, d in zip(place, dilation, strict=True)]
        yield numbers[tuple(slice(a, a + (n - 1) * s + 1, s) for a, n, s in zip(starts, counts, stride, strict=True))]


def _in_strips(
    pictures: Tensor, results: Tensor, work: Callable[[Tensor, Tensor], None], stride: int, reach: int
) -> None:
    """Call `work` with each strip of the pictures and the strip of the results that it gives, on several threads."""
    rows = max(1, STRIP // max(1, prod(results.shape[2:])))
    first = range(0, results.shape[1], rows)

    def one(job: tuple[int, int]) -> None:
        picture, start = job
        result = results[picture, start : start + rows]
        work(pictures[picture, start * stride : (start + len(result) - 1) * stride + reach], result)

    jobs = list(product(range(len(pictures)), first))
    if len(jobs) == 1:
        one(jobs[0])
        return
    with ThreadPoolExecutor(torch.get_num_threads()) as threads:
        for _ in threads.map(one, jobs):
            pass


def _by_transform(picture: Tensor, kernel: Tensor, counts: Shape, stride: Shape, dilation: Shape) -> Tensor:
    """The same sums as a product of spectra; what wraps round lies outside the windows that are kept."""
    spread = torch.zeros([extent(k, d) for k, d in zip(kernel.shape, dilation, strict=True)], dtype=torch.float64)
    spread[tuple(slice(None, None, d) for d in dilation)] = kernel.double()
    sizes = [-(-n // EVEN) * EVEN for n in picture.shape]
    spectrum = torch.fft.rfftn(picture.double(), s=sizes)
    spectrum *= torch.fft.rfftn(spread.to(picture.device), s=sizes).conj()
    sums: Tensor = torch.fft.irfftn(spectrum, s=sizes)
    return sums[tuple(slice(0, (n - 1) * s + 1, s) for n, s in zip(counts, stride, strict=True))]
