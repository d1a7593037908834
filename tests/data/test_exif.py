import io

import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st

from striate.data.exif import orientation

TAGS = {0x010F: "a maker", 0x0110: "a model", 0x011A: 72.0, 0x0132: "2020:01:01 00:00:00", 0x8298: "a name"}


@pytest.mark.parametrize("value", range(1, 9))
def test_the_orientation_is_found_among_the_tags_that_cameras_write(value):
    exif = PIL.Image.Exif()
    for tag, content in {**TAGS, 0x0112: value}.items():
        exif[tag] = content
    exif.get_ifd(0x8769)[0x829A] = 0.01
    assert orientation(exif.tobytes()) == value
    stream = io.BytesIO()
    PIL.Image.new("L", (2, 2)).save(stream, "JPEG", exif=exif)
    assert PIL.Image.open(stream).getexif()[0x0112] == value


def test_exif_is_asked_before_xmp():
    exif = PIL.Image.Exif()
    xmp = b"<tiff:Orientation>8</tiff:Orientation>"
    assert orientation(exif.tobytes(), xmp) == 8
    exif[0x0112] = 3
    assert orientation(exif.tobytes(), xmp) == 3
    assert orientation(None, b"<nothing/>") == orientation(None) == 1


@given(st.binary(max_size=80), st.sampled_from([b"", b"Exif\0\0", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"]))
def test_any_bytes_name_some_number(block, begin):
    assert orientation(begin + block) >= 0
