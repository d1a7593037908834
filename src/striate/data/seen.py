"""Whether a file is still the one that was read first."""

from __future__ import annotations

import numpy as np

from striate.data.picture_files import PictureFiles


class Seen:
    """Size and time of change of the files of `files` when each was first read."""

    def __init__(self, files: PictureFiles) -> None:
        self.files = files
        self.stamps = np.zeros((len(files), 2), dtype=np.int64)

    def changed(self, index: int) -> str | None:
        """Why picture `index` must not be read again, if its file is another one now. Called before each reading."""
        try:
            found = self.files.path(index).stat()
        except (OSError, ValueError):  # reading it will say so
            return None
        stamp = (found.st_size, found.st_mtime_ns)
        first = self.stamps[index]
        if not first.any():
            self.stamps[index] = stamp
        elif tuple(first.tolist()) != stamp:
            return f"{self.files.name(index)}: has changed since it was first read. Start again to use it as it is."
        return None
