"""Sounds and volumes in files: read and written to the last bit, damaged ones named."""

import io
import struct
import wave

import numpy as np
import pytest
import torch
from scipy.io import wavfile

from striate.data.sound import Sound, open_sound, write_sound
from striate.data.volume import open_volume, write_volume
from striate.errors import DataError

DTYPES = {8: np.uint8, 16: np.int16, 32: np.int32}


@pytest.mark.parametrize("bits", [8, 16, 32])
def test_samples_are_those_that_scipy_writes(bits, tmp_path):
    limits = np.iinfo(DTYPES[bits])
    samples = np.array([[limits.min, limits.max], [limits.max // 2 + 1, limits.min]], DTYPES[bits])
    wavfile.write(tmp_path / "a.wav", 8000, samples)
    found = open_sound(tmp_path / "a.wav")
    centre = 128 if bits == 8 else 0
    assert (found.samples.numpy().T * 2 ** (bits - 1) + centre == samples).all()
    assert (found.rate, found.bits) == (8000, bits)


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_what_is_written_reads_back_the_same(bits, channels, tmp_path):
    full = 2 ** (bits - 1)
    whole = torch.randint(-full, full, (channels, 101))
    whole[0, 0], whole[0, 1] = -full, full - 1
    sound = Sound(whole.double() / full, 44_100, bits)
    assert write_sound(tmp_path / "a.wav", sound) == "as they are"
    found = open_sound(tmp_path / "a.wav")
    assert found.samples.equal(sound.samples)
    assert (found.rate, found.bits) == (44_100, bits)
    if bits != 8:
        _, theirs = wavfile.read(tmp_path / "a.wav")
        shift = 8 if bits == 24 else 0  # scipy gives 24 bits in the upper part of 32
        assert (theirs.reshape(-1, channels).T.astype(np.int64) >> shift == whole.numpy()).all()


def test_what_is_too_loud_is_scaled_not_cut(tmp_path):
    said = write_sound(tmp_path / "a.wav", Sound(torch.tensor([[-4.0, 2.0, 1.0]], dtype=torch.float64), 8000, 16))
    assert said == "made 0.25 times as loud, so that none is cut off"
    assert open_sound(tmp_path / "a.wav").samples.tolist() == [[-1, 0.5, 0.25]]


def _wav(kind=1, bits=16, data=b"\0\0" * 4):
    head = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, kind, 1, 8000, 16000, 2, bits)
    return head + struct.pack("<4sI", b"data", len(data)) + data


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        (b"", "is not a WAV file"),
        (b"RIFF", "is not a WAV file"),
        (_wav(kind=3, bits=32), "is not a WAV file of PCM samples"),
        (_wav(data=b""), "holds no samples"),
        (_wav(bits=64), "has 64 bits a sample"),
        (_wav()[:30], "is not a WAV file"),
    ],
)
def test_a_file_that_is_no_pcm_sound_is_named(contents, words, tmp_path):
    (tmp_path / "a.wav").write_bytes(contents)
    with pytest.raises(DataError, match=rf"a\.wav: .*{words}"):
        open_sound(tmp_path / "a.wav")


def test_a_sound_cut_off_within_its_samples_keeps_the_whole_ones(tmp_path):
    (tmp_path / "a.wav").write_bytes(_wav(data=b"\1\0\2\0\3\0")[:-1])
    assert (open_sound(tmp_path / "a.wav").samples * 32768).tolist() == [[1, 2]]


@pytest.mark.parametrize("dtype", ["?", "u1", "<i2", ">i4", "<f4", ">f8", "f2"])
@pytest.mark.parametrize("order", "CF")
def test_arrays_of_any_type_and_order_are_read(dtype, order, tmp_path):
    array = np.asarray(np.arange(24).reshape(2, 3, 4) % 2, dtype=dtype, order=order)
    np.save(tmp_path / "a.npy", array)
    assert open_volume(tmp_path / "a.npy").tolist() == array.astype(float).tolist()


def test_a_volume_is_written_as_numpy_reads_it(tmp_path):
    numbers = torch.rand(2, 3, 4)
    write_volume(tmp_path / "a.npy", numbers)
    assert (np.load(tmp_path / "a.npy") == numbers.numpy()).all()


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros(0), "none of them empty"),
        (np.float64(3), "needs one to four axes"),
        (np.zeros((1,) * 5), "needs one to four axes"),
        (np.array(["text"]), "not real numbers"),
        (np.zeros(2, complex), "not real numbers"),
        (np.array([np.nan]), "not finite"),
        (np.array([{}], object), "is not a sound .npy file"),
    ],
)
def test_an_array_that_is_no_volume_is_named(array, words, tmp_path):
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(DataError, match=rf"a\.npy: .*{words}"):
        open_volume(tmp_path / "a.npy")


def test_a_header_that_promises_more_than_there_is_is_refused(tmp_path):
    file = io.BytesIO()
    np.save(file, np.zeros(4))
    (tmp_path / "a.npy").write_bytes(file.getvalue().replace(b"(4,)", b"(9,)"))
    with pytest.raises(DataError, match="is not a sound .npy file"):
        open_volume(tmp_path / "a.npy")


def test_wave_itself_reads_what_is_written(tmp_path):
    write_sound(tmp_path / "a.wav", Sound(torch.zeros(2, 5), 22_050, 24))
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert file.getparams()[:4] == (2, 3, 22_050, 5)
