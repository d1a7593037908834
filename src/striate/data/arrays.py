"""Pictures and labels that are arrays already, of numpy or torch, in the forms that people have them.

Pixels become uint8 by a rule, or are refused; nothing is clipped or cut:

* uint8 stays; other whole numbers must lie in 0..255; bool becomes 0 and 255.
* Floating point: if no pixel of any part is above 1, all are taken as 0..1 and become the nearest of 0..255. Else they
  must be whole numbers in 0..255. Negative numbers, NaN and anything above 255 are refused.

Three axes are (n, h, w). Four are (n, c, h, w) or (n, h, w, c), whichever puts 1 to 4 on the channel axis; if both do
or neither, the reading is refused, and `pictures(...)`, which takes (n, c, h, w) only, settles it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from striate.data.records import DataSet, Pictures, data_set, pictures
from striate.errors import DataError
from striate.registry import nearest

Array = NDArray[Any]

KEYS = (  # what a mapping or an .npz file may hold, besides "classes"
    ("train_images", "train_labels", "test_images", "test_labels"),
    ("x_train", "y_train", "x_test", "y_test"),
    ("images", "labels"),
    ("train_images", "train_labels"),
    ("x_train", "y_train"),
)
CHANNELS = range(1, 5)  # grey, grey and alpha, RGB, RGBA
MOST_CLASSES = 100_000  # more means that the labels are something else, such as record numbers
FORMS = (
    "Give (images, labels), (train_images, train_labels, test_images, test_labels), "
    "((train_images, train_labels), (test_images, test_labels)), or a dictionary with such keys."
)


def from_arrays(source: Any, *, name: str = "arrays") -> DataSet:
    """The data set of arrays in one of the `FORMS`; `test` is None if only one pair is given. Raises `DataError`."""
    if isinstance(source, Pictures):
        source = (source,)
    if isinstance(source, Mapping):
        return from_mapping(source, name=name)
    if not isinstance(source, Sequence) or isinstance(source, str | bytes):
        raise DataError(f"{name}: cannot read {type(source).__name__} as pictures. {FORMS}")
    if source and len(source) <= 2 and all(isinstance(part, Pictures) for part in source):
        return _numbered(name, *source)
    if len(source) == 2 and all(isinstance(part, tuple | list) and len(part) == 2 for part in source):
        source = [array for part in source for array in part]
    keys = {2: KEYS[2], 4: KEYS[0]}.get(len(source))
    if keys is None:
        raise DataError(f"{name}: {len(source)} arrays are given. {FORMS}")
    return from_mapping(dict(zip(keys, source, strict=True)), name=name)


def from_mapping(source: Mapping[str, Any], *, name: str = "arrays") -> DataSet:
    """The data set of arrays by name, as `KEYS` names them; `classes` may name the classes. Raises `DataError`."""
    keys = keys_among(source, name)
    shown = [key.replace("_", " ") for key in keys] if name == "arrays" else [f"{name}: {key}" for key in keys]
    arrays = [as_array(source[key], of) for key, of in zip(keys, shown, strict=True)]
    parts = [paired(arrays[i], arrays[i + 1], (shown[i], shown[i + 1]), arrays[::2]) for i in range(0, len(arrays), 2)]
    return _numbered(name, *parts, classes=_class_names(source.get("classes"), name))


def keys_among(given: Iterable[str], name: str) -> tuple[str, ...]:
    """Which of the `KEYS` a mapping has. Raises `DataError` where it has others, or not enough."""
    given = set(given) - {"classes"}
    for keys in KEYS:
        if set(keys) == given:
            return keys
    known = sorted({key for keys in KEYS for key in keys})
    wrong = sorted(str(key) for key in given if key not in known)
    close = [f"{key!r} (did you mean {(nearest(key, known) or ['one of them'])[0]}?)" for key in wrong]
    said = f"does not know {', '.join(close)}" if wrong else f"has only {', '.join(sorted(given)) or 'nothing'}"
    raise DataError(f"{name}: {said}. The arrays must be {'; or '.join(', '.join(keys) for keys in KEYS)}.")


def paired(images: Array, labels: Array, names: tuple[str, str], same_scale: Sequence[Array] = ()) -> Pictures:
    """The pictures of one array of pixels and one of labels. `same_scale`: all pixel arrays that share one scale."""
    return pictures(pixels(images, names[0], same_scale), class_numbers(labels, names[1]), names=names)


def numbered_classes(name: str, labels: Tensor) -> tuple[str, ...]:
    """("0", "1", ...) up to the highest label."""
    highest = int(labels.max())
    if highest >= MOST_CLASSES:
        raise DataError(
            f"{name}: the highest label is {highest:,}, which is not a class number. Number the classes from 0."
        )
    return tuple(str(number) for number in range(highest + 1))


def as_array(given: Any, name: str) -> Array:
    """A numpy array of an array or tensor of any library, without a copy where that can be."""
    if isinstance(given, Tensor):
        given = given.detach().cpu()
        array: Array = (given.float() if given.dtype == torch.bfloat16 else given).numpy()
        return array
    if not hasattr(given, "__array__"):
        raise DataError(f"{name}: is {type(given).__name__}. Give a numpy array or a torch tensor.")
    return np.asarray(given)


def pixels(images: Array, name: str, same_scale: Sequence[Array] = ()) -> Tensor:
    """(n, c, h, w) uint8 by the rules above. Raises `DataError`."""
    return _as_tensor(_channels_first(_as_uint8(images, name, same_scale), name))


def class_numbers(labels: Array, name: str) -> Tensor:
    """(n,) int64 of (n,) or (n, 1) whole numbers. Raises `DataError`."""
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        raise DataError(
            f"{name}: need one class number a picture, (n,), but have shape {labels.shape}. "
            "If each row is one-hot, give its argmax(1)."
        )
    if labels.dtype.kind not in "iu":
        raise DataError(f"{name}: need whole class numbers, but are {labels.dtype}. Number the classes from 0.")
    if labels.dtype.kind == "u" and labels.size and int(labels.max()) > np.iinfo(np.int64).max:
        raise DataError(f"{name}: the highest label is {int(labels.max()):,}, which is not a class number.")
    return _as_tensor(labels.astype(np.int64))


def _numbered(name: str, train: Pictures, test: Pictures | None = None, *, classes: tuple[str, ...] = ()) -> DataSet:
    return data_set(name, classes or numbered_classes(name, train.labels), train=train, test=test)


def _class_names(given: Any, name: str) -> tuple[str, ...]:
    if given is None:
        return ()
    names = given.tolist() if isinstance(given, np.ndarray) else given
    if not isinstance(names, list | tuple) or not all(isinstance(each, str) and each for each in names):
        raise DataError(f"{name}: classes must be a list of names, one a class, but are {given!r:.60}.")
    return tuple(names)


def _as_uint8(images: Array, name: str, same_scale: Sequence[Array]) -> Array:
    if images.dtype == np.uint8 or not images.size:
        return images
    if images.dtype == np.bool_:
        return images.astype(np.uint8) * np.uint8(255)
    if images.dtype.kind not in "iuf":
        raise DataError(f"{name}: pixels must be numbers, but are {images.dtype}. Give uint8, 0..255.")
    lowest, highest = images.min(), images.max()
    if not (lowest >= 0 and highest <= 255):  # so that NaN is refused too
        fix = "Give the pixels as they were before normalising, 0..255 or 0..1."
        if images.dtype.kind in "iu" and lowest >= 0:
            fix = f"Scale them, such as images // {-(-(int(highest) + 1) // 256)}."
        raise DataError(f"{name}: pixels go from {lowest:g} to {highest:g}, which is not 0..255. {fix}")
    if images.dtype.kind in "iu":
        return images.astype(np.uint8)
    floating = [each for each in (*same_scale, images) if each.dtype.kind == "f" and each.size]
    if max(float(each.max()) for each in floating) <= 1:
        return _times_255(images)
    whole: Array = images.astype(np.uint8)
    if not np.array_equal(whole, images):
        part = images[whole != images].flat[0]
        raise DataError(
            f"{name}: pixels go up to {highest:g} and have fractions, such as {part:g}. Round them to 0..255, "
            "or divide them by 255 to give 0..1."
        )
    return whole


def _times_255(images: Array) -> Array:
    made = np.empty(images.shape, np.uint8)
    for start in range(0, len(images), 256):  # a few at once, so that no copy of all is made in floating point
        made[start : start + 256] = np.rint(images[start : start + 256] * 255)
    return made


def _channels_first(images: Array, name: str) -> Array:
    if images.ndim == 3:
        return images[:, None]
    if images.ndim != 4:
        raise DataError(
            f"{name}: need (n, h, w), (n, h, w, c) or (n, c, h, w), but have shape {images.shape}. Give one of these."
        )
    first, last = images.shape[1] in CHANNELS, images.shape[3] in CHANNELS
    if first == last:
        second, third, fourth = images.shape[1:]
        either = (
            f"can be {second} channels of {third}x{fourth} pixels or {second}x{third} pixels of {fourth} channels"
            if first
            else "has no axis of 1 to 4 channels"
        )
        raise DataError(
            f"{name}: shape {images.shape} {either}. "
            "Give striate.data.records.pictures(images, labels), whose images are (n, c, h, w)."
        )
    return images if first else images.transpose(0, 3, 1, 2)


def _as_tensor(array: Array) -> Tensor:
    """A tensor that shares the array's memory, or a copy where torch cannot or must not."""
    native = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("="), copy=False))
    return torch.from_numpy(native if native.flags.writeable else native.copy())
