"""The file of a catalogue entry: from the cache folder, an installed package, torch's own cache, or its address.

What is found is checked by its SHA-256, read safely, and kept in the cache folder as safetensors, so that the slow and
careful reading happens once. Nothing is fetched that was not asked for.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import tempfile
from collections.abc import Iterator
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from striate.data.files import shown
from striate.data.known import cache_folder
from striate.errors import WeightsError
from striate.weights.catalogue import Entry
from striate.weights.checkpoint import Checkpoint, read_checkpoint
from striate.weights.files import load_tensors, save_tensors

PATIENCE = 8  # seconds without an answer after which an address counts as unreachable
LARGEST = 2 * 2**30  # bytes of a file that is downloaded
PIECE = 2**20  # bytes
INSTALL = "pip install 'striate[pretrained]'"


def obtain(entry: Entry) -> Checkpoint:
    """The tensors of `entry`; `WeightsError` says what is missing and how to get it."""
    folder = cache_folder() / "weights"
    kept = folder / f"{Path(entry.file).stem}.safetensors"
    if (checkpoint := _kept(kept, entry)) is not None:
        return checkpoint
    places = [folder / entry.file, *_in_package(entry), _torch_cache() / entry.file]
    file = next((place for place in places if place.is_file()), None)
    if file is not None:
        return _converted(file, entry, kept)
    if entry.package:
        raise WeightsError(
            f"{entry.network}: its weights are in the package {entry.package}, which is not installed. Run: {INSTALL}"
        )
    with tempfile.TemporaryDirectory(prefix="striate-") as elsewhere:
        return _converted(_downloaded(entry, folder, Path(elsewhere)), entry, kept)


def _kept(kept: Path, entry: Entry) -> Checkpoint | None:
    """What was kept of an earlier reading; None where there is nothing, or it is damaged or of another file."""
    if not kept.is_file():
        return None
    try:
        tensors, card = load_tensors(kept)
    except WeightsError:
        return None  # it is only a copy: it is made again
    return Checkpoint(kept, tensors) if str(card.get("sha256_of_file")).startswith(entry.sha256) else None


def _converted(file: Path, entry: Entry, kept: Path) -> Checkpoint:
    """What `file` holds, if it is the one that `entry` means; kept as safetensors where the cache can be written."""
    digest = sha256_of(file)
    if not digest.startswith(entry.sha256):
        raise WeightsError(
            f"{shown(file)}: is not the known {entry.file}: its SHA-256 starts with {digest[: len(entry.sha256)]:.12}, "
            f"not {entry.sha256:.12}. Delete it and get it again, or give it with --weights to use it as it is."
        )
    checkpoint = read_checkpoint(file)
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        save_tensors(kept, checkpoint.tensors, {"file": entry.file, "sha256_of_file": digest})
    except OSError:
        return checkpoint  # the next reading takes as long as this one
    return checkpoint


def sha256_of(file: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _in_package(entry: Entry) -> Iterator[Path]:
    """Where the installed package has the file. The package is found, and not imported: its code is not ours to run."""
    spec = importlib.util.find_spec(entry.package) if entry.package else None
    for place in (spec.submodule_search_locations or []) if spec else []:
        yield Path(place) / entry.member


def _torch_cache() -> Path:
    """Where torch.hub keeps what torchvision downloads: $TORCH_HOME, else torch in the user's cache folder."""
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get("TORCH_HOME") or f"{cache}/torch").expanduser() / "hub" / "checkpoints"


def _downloaded(entry: Entry, folder: Path, elsewhere: Path) -> Path:
    """The file, downloaded into `elsewhere`; `WeightsError` at once where its address does not answer."""
    file = elsewhere / entry.file
    try:
        with urlopen(entry.url, timeout=PATIENCE) as answer, file.open("wb") as out:
            size = 0
            while piece := answer.read(PIECE):
                size += len(piece)
                if size > LARGEST:
                    raise WeightsError(f"{entry.url}: sends more than {LARGEST:,} bytes. It is not the known file.")
                out.write(piece)
    except HTTPError as error:
        why = f"it answers {error.code}"
    except (URLError, HTTPException, OSError) as error:
        reason = getattr(error, "reason", error)
        said = str(reason).splitlines() or ["it broke off"]
        why = f"no answer in {PATIENCE} s" if isinstance(reason, TimeoutError) else said[0][:120]
    else:
        return file
    raise WeightsError(
        f"{entry.file}: cannot be fetched from {entry.url} ({why}). "
        f"Download it where there is internet, and put it into {shown(folder)}"
    )
