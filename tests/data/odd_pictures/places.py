"""What is found in a folder under the name of a picture and is none, or has a name that few programs expect."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from .writers import RAMP, png

NAMES = (
    b"n" * 251 + b".png",
    b"new\nline.png",
    b"\xff\xfe.png",
    "e\u0301.png".encode(),
    "\u202egpj.png".encode(),
    b" .png",
)


def places(folder: Path) -> list[tuple[Path, str]]:
    """Paths below `folder`, each with the words it is refused with; none where it holds a 6x8 picture."""
    contents = png(RAMP, 8, 2)
    made = [(folder / os.fsdecode(name), "") for name in NAMES]
    for path, _ in made:
        path.write_bytes(contents)
    (folder / "link.png").symlink_to(made[0][0])
    os.mkfifo(folder / "pipe.png")
    (folder / "device.png").symlink_to(os.devnull)
    (folder / "loop.png").symlink_to(folder / "loop.png")
    (folder / "dangling.png").symlink_to("nowhere")
    (folder / "folder.png").mkdir()
    with socket.socket(socket.AF_UNIX) as bound:
        here = Path.cwd()
        os.chdir(folder)  # the path of a socket may have about 100 bytes
        try:
            bound.bind("socket.png")
        finally:
            os.chdir(here)
    return [
        *made,
        (folder / "link.png", ""),
        (folder / "pipe.png", "is a pipe, not a file"),
        (folder / "device.png", "is a device, not a file"),
        (folder / "loop.png", "cannot be opened"),
        (folder / "dangling.png", "is a link to a file that does not exist"),
        (folder / "folder.png", "is a folder, not a file"),
        (folder / "socket.png", "cannot be opened"),
        (folder / "gone.png", "there is no such file"),
        (folder / ("n" * 256), "cannot be opened"),
        (made[0][0] / "inside.png", "cannot be opened"),
    ]
