"""Sounds: WAV files of whole numbers (PCM) with 8, 16, 24 or 32 bits a sample, as tensors and back."""

from __future__ import annotations

import struct
import wave
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from striate.data.files import file_bytes, shown, write_atomically
from striate.errors import DataError

MOST_BYTES = 2**30
MIDDLE = 128  # of samples of 8 bits, which are never negative


@dataclass(frozen=True)
class Sound:
    """`samples`: (channels, n) float64, from −1 up to just below 1; `rate`: samples a second; `bits`: of a sample."""

    samples: Tensor
    rate: int
    bits: int


def open_sound(path: Path) -> Sound:
    """The sound in a WAV file. Raises `DataError`, which names the file."""
    contents, name = file_bytes(path, most=MOST_BYTES), shown(path)
    try:
        with wave.open(BytesIO(contents)) as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            raw = file.readframes(min(file.getnframes(), len(contents)))
    except (wave.Error, EOFError, struct.error, ValueError, OverflowError, ZeroDivisionError) as error:
        said = str(error) or "it ends too early"
        raise DataError(f"{name}: is not a WAV file of PCM samples ({said}). Convert it, as ffmpeg does.") from None
    if width not in (1, 2, 3, 4) or rate < 1:
        raise DataError(f"{name}: has {8 * width} bits a sample at {rate} a second. Convert it to 16 bits.")
    raw = raw[: len(raw) // (width * channels) * width * channels]
    if not raw:
        raise DataError(f"{name}: holds no samples. Is it the right file?")
    return Sound(torch.from_numpy(_numbers(raw, width).reshape(-1, channels).T.copy()), rate, 8 * width)


def _numbers(raw: bytes, width: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    if width == 1:
        whole = np.frombuffer(raw, np.uint8).astype(np.int64) - MIDDLE
    elif width == 3:
        four = np.zeros((len(raw) // 3, 4), np.uint8)
        four[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
        whole = four.view("<i4")[:, 0].astype(np.int64) >> 8
    else:
        whole = np.frombuffer(raw, f"<i{width}").astype(np.int64)
    return whole / 2.0 ** (8 * width - 1)


def write_sound(path: Path, sound: Sound) -> str:
    """Write a WAV file; what was done so that nothing is cut off, in a sentence. Raises `DataError`."""
    full = 2.0 ** (sound.bits - 1)
    least, most = (float(value) for value in sound.samples.aminmax())
    scale = min([1.0, *([-1 / least] if least < -1 else []), *([(1 - 1 / full) / most] if most > 1 - 1 / full else [])])
    whole = (sound.samples * (scale * full)).round().clamp(-full, full - 1).to(torch.int64).T.contiguous().numpy()
    if sound.bits == 8:
        raw = (whole + MIDDLE).astype(np.uint8).tobytes()
    elif sound.bits == 24:
        raw = whole.astype("<i4").reshape(-1, 1).view(np.uint8)[:, :3].tobytes()
    else:
        raw = whole.astype(f"<i{sound.bits // 8}").tobytes()
    file = BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(len(sound.samples))
        written.setsampwidth(sound.bits // 8)
        written.setframerate(sound.rate)
        written.writeframes(raw)
    write_atomically(path, file.getvalue())
    return "as they are" if scale == 1 else f"made {scale:.5g} times as loud, so that none is cut off"
