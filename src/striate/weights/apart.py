"""Reading a checkpoint of torch in a process of its own, which is all that a hostile file could ever reach."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from striate.errors import WeightsError

PROCESS = Path(__file__).with_name("apart_process.py")
PATIENCE = 60  # seconds to import torch on a busy machine
BYTES_A_SECOND = 20 * 2**20  # that a slow disk reads
ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TMPDIR", "TEMP")  # all that it inherits


def read_apart(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors by name, in the file's order, and what the process says of them: `under`, `others`.

    `WeightsError` where torch refuses the file, or where the process does not end in good time.
    """
    size = path.stat().st_size
    with TemporaryDirectory(prefix="striate-", ignore_cleanup_errors=True) as folder:
        out = Path(folder) / "tensors.safetensors"
        packages = [place for place in sys.path if place]
        asked = {"file": str(path.resolve()), "out": str(out), "bytes": size, "packages": packages}
        try:
            done = subprocess.run(
                [sys.executable, "-I", str(PROCESS)],
                input=json.dumps(asked) + "\n",
                capture_output=True,
                text=True,
                cwd=folder,
                env={name: os.environ[name] for name in ENVIRONMENT if name in os.environ} | {"OMP_NUM_THREADS": "1"},
                timeout=PATIENCE + size / BYTES_A_SECOND,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise WeightsError(f"{path}: is refused: reading it did not end.") from None
        try:
            said = json.loads(done.stdout)
        except ValueError:
            raise WeightsError(f"{path}: is refused: the process that read it broke off ({done.returncode}).") from None
        if "error" in said:
            raise WeightsError(f"{path}: is refused: {said['error']}.")
        try:
            tensors = load_file(out)
        except (OSError, SafetensorError) as error:
            raise WeightsError(f"{path}: its tensors were not handed over ({error}).") from None
        return {name: tensors[name] for name in said["names"]}, said
