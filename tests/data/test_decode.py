import contextlib
import io
import os
import struct
import subprocess
import sys
import threading
import time
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest
import simplejpeg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.data.decode import Decoded, decode, decode_at_least, decode_with_notes, open_picture
from striate.errors import DataError

RAMP = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)


def saved(image, form, **options):
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def png(width, height, bits=8, colour=0):
    """The smallest PNG file that says it has this size, without a pixel."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


class TestRightPixels:
    @pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "PPM", "GIF", "WEBP"])
    def test_of_grey_come_back_from_lossless_files(self, form):
        grey = PIL.Image.fromarray(RAMP[..., 0])
        decoded = decode(saved(grey, form, **({"lossless": True} if form == "WEBP" else {})), "x")
        assert np.array_equal(decoded[0].numpy(), RAMP[..., 0])

    @pytest.mark.parametrize("form", ["PNG", "BMP", "TIFF", "PPM"])
    def test_of_rgb_come_back_from_lossless_files(self, form):
        decoded = decode(saved(PIL.Image.fromarray(RAMP), form), "x")
        assert np.array_equal(decoded.permute(1, 2, 0).numpy(), RAMP)

    def test_of_jpeg_are_those_of_pillow(self):
        contents = saved(PIL.Image.fromarray(RAMP), "JPEG")
        assert np.array_equal(decode(contents, "x").permute(1, 2, 0), PIL.Image.open(io.BytesIO(contents)))

    @pytest.mark.parametrize("orientation", [*range(0, 10), 65535])
    @pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
    def test_stand_upright_whatever_the_exif_orientation(self, form, orientation):
        exif = PIL.Image.Exif()
        exif[0x0112] = orientation
        contents = saved(PIL.Image.fromarray(RAMP), form, exif=exif)
        upright = PIL.ImageOps.exif_transpose(PIL.Image.open(io.BytesIO(contents)))
        assert np.array_equal(decode(contents, "x").permute(1, 2, 0), upright.convert("RGB"))

    def test_of_a_picture_turned_by_its_camera_stand_upright(self):
        """Orientation 6: the first row of the file is the right column of the scene."""
        exif = PIL.Image.Exif()
        exif[0x0112] = 6
        decoded = decode(saved(PIL.Image.fromarray(RAMP[..., 0]), "PNG", exif=exif), "x")
        assert decoded.shape == (1, 8, 6)
        assert decoded[0, :, -1].tolist() == RAMP[0, :, 0].tolist()

    def test_survive_a_broken_exif_block(self):
        contents = saved(PIL.Image.fromarray(RAMP), "PNG", exif=b"Exif\0\0nonsense")
        assert np.array_equal(decode(contents, "x").permute(1, 2, 0), RAMP)

    @pytest.mark.parametrize("form", ["PNG", "TIFF"])
    def test_of_16_bits_are_scaled_not_clipped(self, form):
        wide = np.array([[0, 128, 129, 257], [32768, 65278, 65407, 65535]], np.uint16)
        decoded = decode(saved(PIL.Image.fromarray(wide), form), "x")
        assert decoded[0].tolist() == [[0, 0, 1, 1], [128, 254, 255, 255]]  # value / 257, rounded

    def test_of_a_16_bit_pgm_are_scaled(self):
        assert decode(b"P5 2 1 65535\n" + struct.pack(">2H", 257 * 9, 65535), "x").tolist() == [[[9, 255]]]

    def test_of_1_bit_are_black_and_white(self):
        bits = PIL.Image.fromarray(RAMP[..., 0] > 60)
        assert bits.mode == "1"
        for form in ("PNG", "TIFF", "PPM"):
            decoded = decode(saved(bits, form), "x")
            assert np.array_equal(decoded[0].numpy(), np.where(RAMP[..., 0] > 60, 255, 0))

    def test_of_a_palette_are_its_colours(self):
        palette = PIL.Image.fromarray(np.array([[0, 1, 2]], np.uint8), "L").convert("P")
        palette.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
        assert decode(saved(palette, "PNG"), "x")[:, 0].T.tolist() == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]

    def test_that_are_transparent_lie_on_white(self):
        rgba = np.array([[[10, 20, 30, 255], [10, 20, 30, 0], [0, 0, 0, 51]]], np.uint8)
        assert decode(saved(PIL.Image.fromarray(rgba), "PNG"), "x")[:, 0].T.tolist() == [
            [10, 20, 30],
            [255, 255, 255],
            [204, 204, 204],
        ]
        grey = decode(saved(PIL.Image.fromarray(rgba[..., [0, 3]], "LA"), "PNG"), "x")
        assert grey.tolist() == [[[10, 255, 204]]]

    def test_of_one_transparent_colour_lie_on_white(self):
        grey = PIL.Image.fromarray(np.array([[7, 8]], np.uint8))
        assert decode(saved(grey, "PNG", transparency=7), "x").tolist() == [[[255, 8]]]
        wide = PIL.Image.fromarray(np.array([[257, 514]], np.uint16))
        assert decode(saved(wide, "PNG", transparency=257), "x").tolist() == [[[255, 2]]]
        palette = grey.convert("P")
        assert decode(saved(palette, "GIF", transparency=7), "x")[:, 0, 0].tolist() == [255, 255, 255]

    def test_of_cmyk_are_rgb(self):
        cmyk = PIL.Image.new("CMYK", (2, 2), (0, 255, 255, 0))
        assert decode(saved(cmyk, "TIFF"), "x")[:, 0, 0].tolist() == [255, 0, 0]

    def test_of_an_animation_are_those_of_the_first_frame(self):
        frames = [PIL.Image.new("L", (3, 2), grey) for grey in (40, 200)]
        for form in ("GIF", "TIFF", "WEBP"):
            contents = saved(frames[0], form, save_all=True, append_images=frames[1:], lossless=True)
            assert decode(contents, "x").unique().tolist() == [40]

    def test_are_told_by_content_whatever_the_suffix(self, tmp_path):
        (tmp_path / "wrong.jpg").write_bytes(saved(PIL.Image.fromarray(RAMP), "PNG"))
        assert np.array_equal(open_picture(tmp_path / "wrong.jpg").permute(1, 2, 0), RAMP)

    def test_of_one_pixel_and_of_a_line_are_read(self):
        for shape in ((1, 1), (1, 5000), (5000, 1)):
            assert decode(saved(PIL.Image.fromarray(np.ones(shape, np.uint8)), "PNG"), "x").shape == (1, *shape)


class TestARefusal:
    def test_of_an_empty_file(self, tmp_path):
        (tmp_path / "x.png").write_bytes(b"")
        with pytest.raises(DataError, match=r"x\.png: is empty"):
            open_picture(tmp_path / "x.png")

    @pytest.mark.parametrize("contents", [b"\0", b"<html></html>", b"version https://git-lfs", b"\x1f\x8b\x08\0"])
    def test_of_what_is_no_picture(self, contents):
        with pytest.raises(DataError, match="x: is not a JPEG, PNG, WEBP, GIF, BMP, TIFF or PNM picture"):
            decode(contents, "x")

    @pytest.mark.parametrize("form", ["EPS", "PDF", "ICO", "TGA", "DDS", "SGI"])
    def test_of_formats_off_the_list_even_though_pillow_knows_them(self, form):
        with pytest.raises(DataError, match="is not a JPEG, PNG"):
            decode(saved(PIL.Image.fromarray(RAMP), form), "x")

    @pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP"])
    def test_of_every_cut_picture(self, form):
        noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
        contents = saved(PIL.Image.fromarray(noise), form)
        for quarter in (1, 2, 3):
            with pytest.raises(DataError, match=r"^x: (the picture is damaged or cut off \(.+\)|is not a JPEG)"):
                decode(contents[: len(contents) * quarter // 4], "x")

    def test_of_a_bomb_comes_before_decoding(self):
        for width, height in ((8001, 8000), (30_000, 30_000), (2**31 - 1, 2**31 - 1)):
            begin = time.perf_counter()
            with pytest.raises(DataError, match=r"x: has (\d+x\d+ pixels, )?more than 64 million"):
                decode(png(width, height), "x")
            assert time.perf_counter() - begin < 0.5

    def test_of_a_text_bomb(self):
        bomb = zlib.compress(bytes(80 * 2**20), 9)
        data = b"Comment\0\0" + bomb
        chunk = struct.pack(">I", len(data)) + b"zTXt" + data + struct.pack(">I", zlib.crc32(b"zTXt" + data))
        whole = png(4, 4)
        with pytest.raises(DataError, match="x: the picture is damaged or cut off"):  # it holds no pixels
            decode(whole[:33] + chunk + whole[33:], "x")

    def test_of_pixels_without_an_agreed_range(self):
        for dtype, kind in ((np.float32, "floating-point"), (np.int32, "whole-number")):
            with pytest.raises(DataError, match=rf"x: has {kind} pixels from 256 to 256, which is not 0\.\."):
                decode(saved(PIL.Image.fromarray(np.full((2, 2), 256, dtype)), "TIFF"), "x")

    def test_of_more_pixels_than_the_caller_wants(self):
        contents = saved(PIL.Image.fromarray(RAMP), "PNG")
        assert decode(contents, "x", most_pixels=48).shape == (3, 6, 8)
        with pytest.raises(DataError, match="x: has 8x6 pixels, more than 47. Scale it down"):
            decode(contents, "x", most_pixels=47)

    def test_for_want_of_memory(self, monkeypatch):
        def full(*given):
            raise MemoryError

        monkeypatch.setattr("striate.data.jpeg.pixels", full)
        with pytest.raises(DataError, match="x: needs more memory than there is"):
            decode(saved(PIL.Image.fromarray(RAMP), "JPEG"), "x")

    def test_of_a_damaged_tiff_writes_nothing_to_stderr_by_itself(self, capfd):
        contents = bytearray(saved(PIL.Image.fromarray(RAMP), "TIFF", compression="tiff_lzw"))
        place = contents.index(b"\x80\x00")  # where the packed pixels begin
        contents[place : place + 60] = bytes(60)
        with pytest.raises(DataError, match="damaged or cut off"):
            decode(bytes(contents), "x")
        os.write(2, b"stderr works again")
        assert capfd.readouterr().err == "stderr works again"

    def test_of_a_missing_file(self, tmp_path):
        with pytest.raises(DataError, match=r"gone\.png: there is no such file"):
            open_picture(tmp_path / "gone.png")

    @settings(max_examples=150, deadline=None)
    @given(st.sampled_from(["PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP", "PPM"]), st.data())
    def test_or_right_shape_is_the_end_of_every_damaged_file(self, outcome, form, data):
        contents = bytearray(saved(PIL.Image.fromarray(RAMP), form))
        for _ in range(data.draw(st.integers(1, 4))):
            contents[data.draw(st.integers(0, len(contents) - 1))] = data.draw(st.integers(0, 255))
        end = outcome(decode, bytes(contents), "x")
        if isinstance(end, DataError):
            assert str(end).startswith("x: ")
            assert "\n" not in str(end)
        else:
            assert end.dtype == torch.uint8
            assert end.shape[0] in (1, 3)


def photographs():
    folder = (Path(__file__).parents[2] / "../shared/data/caltech10").resolve()
    if not folder.is_dir():
        pytest.skip("the photographs of ../shared/data/caltech10 are not here")
    return [path.read_bytes() for path in sorted(folder.glob("*/*"))[::12]]


class TestAJpeg:
    def test_has_the_pixels_that_pillow_gives_real_photographs(self):
        contents = photographs()
        assert len(contents) > 50
        for each in contents:
            theirs = np.array(PIL.Image.open(io.BytesIO(each)))
            assert np.array_equal(decode(each, "x").permute(1, 2, 0).squeeze(2), theirs)

    @pytest.mark.parametrize("subsampling", ["444", "422", "420", "440", "411"])
    @pytest.mark.parametrize("size", [(61, 83), (16, 16), (1, 7)])
    def test_has_them_whatever_its_subsampling(self, subsampling, size):
        noise = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
        contents = simplejpeg.encode_jpeg(noise, colorsubsampling=subsampling)
        theirs = np.asarray(PIL.Image.open(io.BytesIO(contents)))
        assert np.array_equal(decode(contents, "x").permute(1, 2, 0), theirs)

    @pytest.mark.parametrize("options", [{"progressive": True}, {"keep_rgb": True}, {"restart_marker_blocks": 2}])
    def test_has_them_if_progressive_or_rgb_inside_or_with_restarts(self, options):
        contents = saved(PIL.Image.fromarray(np.tile(RAMP, (9, 9, 1))), "JPEG", **options)
        assert np.array_equal(decode(contents, "x").permute(1, 2, 0), PIL.Image.open(io.BytesIO(contents)))

    def test_of_inks_has_them_too(self):
        image = PIL.Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 4), np.uint8), "CMYK")
        contents = saved(image, "JPEG")
        theirs = np.asarray(PIL.Image.open(io.BytesIO(contents)).convert("RGB"))
        assert np.array_equal(decode(contents, "x").permute(1, 2, 0), theirs)

    def test_is_decoded_smaller_by_powers_of_two_and_never_below_what_is_needed(self):
        smooth = np.linspace(0, 255, 400 * 600).reshape(400, 600).astype(np.uint8)
        contents = saved(PIL.Image.fromarray(smooth), "JPEG", quality=95)
        for needed, shape in (
            ((400, 600), (400, 600)),
            ((201, 10), (400, 600)),
            ((200, 300), (200, 300)),
            ((100, 151), (200, 300)),
            ((90, 150), (100, 150)),
            ((1, 1), (50, 75)),
            (None, (400, 600)),
        ):
            decoded = decode_at_least(contents, "x", needed)
            assert decoded.pixels.shape == (1, *shape)
            assert decoded.size == (400, 600)
            by = 400 // shape[0]
            means = smooth.reshape(shape[0], by, shape[1], by).mean((1, 3))
            assert abs(decoded.pixels[0].numpy() - means).mean() < 1.5

    def test_on_its_side_is_measured_upright(self):
        exif = PIL.Image.Exif()
        exif[0x0112] = 6
        contents = saved(PIL.Image.fromarray(np.zeros((64, 128), np.uint8)), "JPEG", exif=exif)
        assert decode_at_least(contents, "x", (64, 32)).pixels.shape == (1, 64, 32)
        assert decode_at_least(contents, "x", (32, 64)).pixels.shape == (1, 128, 64)

    def test_lets_go_of_the_interpreter_while_it_is_decoded(self):
        noise = np.random.default_rng(0).integers(0, 256, (1500, 1500, 3), np.uint8)
        contents = simplejpeg.encode_jpeg(noise, quality=95)
        thread = threading.Thread(target=decode, args=(contents, "x"))
        turns = 0
        thread.start()
        while thread.is_alive():
            turns += 1
            time.sleep(0)
        assert turns > 100


class TestNotes:
    def test_are_none_for_a_plain_picture(self):
        decoded = decode_with_notes(saved(PIL.Image.fromarray(RAMP), "PNG"), "x.png")
        assert isinstance(decoded, Decoded)
        assert (decoded.mode, decoded.format, decoded.size, decoded.notes) == ("RGB", "PNG", (6, 8), ())

    def test_say_all_that_was_done(self):
        exif = PIL.Image.Exif()
        exif[0x0112] = 8
        contents = saved(PIL.Image.new("CMYK", (4, 6)), "JPEG", exif=exif, icc_profile=b"printer")
        decoded = decode_with_notes(contents, "x.png")
        assert (decoded.mode, decoded.format, decoded.size) == ("CMYK", "JPEG", (4, 6))
        assert decoded.notes == (
            "CMYK inks become RGB without a colour profile",
            "turned upright (EXIF orientation 8)",
            "its colour profile, which is not sRGB, is left alone",
            "is JPEG, whatever its suffix .png says",
        )


class TestManyThreads:
    def test_decode_at_once_and_leave_stderr_and_warnings_as_they_were(self, capfd):
        whole = saved(PIL.Image.fromarray(np.tile(RAMP, (20, 20, 1))), "TIFF", compression="tiff_lzw")
        cut = whole[:8] + bytes(60) + whole[68:]
        stderr, filters = os.fstat(2), list(warnings.filters)

        def work(number):
            for _ in range(20):
                with contextlib.suppress(DataError):
                    decode(cut if number % 2 else whole, "x")

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(work, range(8)))
        assert os.path.samestat(os.fstat(2), stderr)
        assert warnings.filters == filters
        os.write(2, b"stderr works again")
        assert capfd.readouterr().err == "stderr works again"

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
    def test_and_a_fork_meanwhile_leaves_the_child_its_stderr(self):
        code = (
            "import os\n"
            "from striate.data.quiet import no_stderr\n"
            "with no_stderr:\n"
            "    child = os.fork()\n"
            "    os.write(2, b'parent') if child else os.write(2, b'child')\n"
            "    os.waitpid(child, 0) if child else os._exit(0)\n"
        )
        done = subprocess.run((sys.executable, "-c", code), capture_output=True, check=True, timeout=60)
        assert done.stderr == b"child"

    def test_a_process_without_a_stderr_decodes(self):
        code = (
            "import io, os, PIL.Image\n"
            "from striate.data.decode import decode\n"
            "stream = io.BytesIO()\n"
            "PIL.Image.new('L', (9, 9), 7).save(stream, 'TIFF', compression='tiff_lzw')\n"
            "os.close(2)\n"
            "print(decode(stream.getvalue(), 'x').unique().tolist())\n"
        )
        done = subprocess.run((sys.executable, "-c", code), capture_output=True, check=True, timeout=60)
        assert done.stdout == b"[7]\n"
