"""One picture made ready for the network, or the reason why it cannot be."""

from __future__ import annotations

from torch import Tensor

from striate.data.picture_files import PictureFiles
from striate.data.preprocess import Preprocess
from striate.errors import StriateError


def prepare(files: PictureFiles, index: int, preprocess: Preprocess, row: Tensor) -> str | None:
    """Write picture `index` into `row` (h, w, c) uint8. Gives the reason where it cannot be read, whatever it is."""
    try:
        row.copy_(files.pixels(index, preprocess).permute(1, 2, 0))
    except StriateError as error:
        return str(error)
    except Exception as error:  # decoders raise errors of every kind
        said = (str(error).strip().splitlines() or [""])[0]
        return f"{files.name(index)}: cannot be read ({type(error).__name__}{said and f': {said:.160}'})."
    return None
