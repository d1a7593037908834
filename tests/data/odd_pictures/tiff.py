"""TIFF of every kind of number and colour."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import PIL.Image

from .case import Case
from .orientation import TURNS
from .writers import RAMP, WIDE, H, W, as_rgb, grey, on_white, saved, scaled, tiff

GREY = RAMP[..., 0]
FOUR = np.concatenate((RAMP, RAMP[..., :1]), 2)


def tiffs() -> list[Case]:
    numbers = [case for order in "<>" for case in (*sixteen(order), *floating(order), *whole(order))]
    return [*numbers, *greys(), *channels(), *palettes(), *colours(), *layouts()]


def sixteen(order: str) -> Iterator[Case]:
    def packed(values: np.ndarray) -> bytes:
        return np.ascontiguousarray(values.astype(order + "u2")).tobytes()

    one = WIDE[..., 0]
    contents = tiff(packed(one), W, H, order, t258=16)
    yield Case(f"tiff 16 {order}", contents, scaled(grey(one), 65535), notes=("16 bits",), row="16 bits, grey")
    for c, extra, note in ((3, None, "16 bits a channel are scaled"), (4, 2, "transparent"), (4, 0, "fourth channel")):
        part = WIDE[..., :c]
        right = on_white(part[..., :3], part[..., 3], 65535) if extra == 2 else scaled(part[..., :3], 65535)
        contents = tiff(packed(part), W, H, order, t258=(16,) * c, t262=2, t277=c, t338=extra)
        of = f"tiff rgb 16 {c} {extra} {order}"
        yield Case(of, contents, right, tolerance=extra == 2, notes=(note, "16 bits"), row="16 bits, colour")


def floating(order: str) -> Iterator[Case]:
    def contents(values: np.ndarray) -> bytes:
        return tiff(values.tobytes(), W, H, order, t258=8 * values.itemsize, t339=3)

    of, row = f"tiff float {order}", "floating point"
    sound = (WIDE[..., 0] / 65535).astype(order + "f4")
    right = np.rint(sound.astype(np.float32) * 255).astype(np.uint8)
    yield Case(of, contents(sound), grey(right), notes=("floating",), row=row)
    yield Case(f"{of} whole", contents(GREY.astype(order + "f4")), grey(GREY), notes=("floating",), row=row)
    for bad, says in ((-0.5, "from -0.5"), (1.5, "with fractions"), (300, "to 300"), (np.nan, "nan"), (np.inf, "inf")):
        values = sound.copy()
        values[2, 2] = bad
        yield Case(f"{of} with {bad}", contents(values), says=says, row=row)
    for size in (2, 8):
        says = f"{8 * size} bits, floating-point"
        yield Case(f"{of} {size}", contents(GREY.astype(f"{order}f{size}")), says=says, row="other numbers")


def whole(order: str) -> Iterator[Case]:
    def contents(values: np.ndarray) -> bytes:
        return tiff(values.tobytes(), W, H, order, t258=32, t339=2)

    sound = GREY.astype(order + "i4")
    row = "32-bit whole numbers"
    yield Case(f"tiff int32 {order}", contents(sound), grey(GREY), notes=("32-bit",), row=row)
    for bad in (-1, 256, 2**31 - 1):
        values = sound.copy()
        values[0, 0] = bad
        yield Case(f"tiff int32 {order} with {bad}", contents(values), says="which is not 0..255", row=row)


def greys() -> Iterator[Case]:
    one = WIDE[..., 0]
    contents = tiff(np.full((H, W), 2**32 - 1, np.uint32).tobytes(), W, H, t258=32)
    yield Case("tiff uint32", contents, says="4294967295", row="32-bit whole numbers")
    yield Case("tiff int8", tiff(bytes(H * W), W, H, t339=2), says="may be negative", row="other numbers")
    contents = tiff(one.astype("<u2").tobytes(), W, H, t258=16, t262=0)
    yield Case("tiff 16 white is zero", contents, 255 - scaled(grey(one), 65535), row="white is zero")
    contents = tiff(GREY.tobytes(), W, H, t262=0)
    yield Case("tiff 8 white is zero", contents, grey(255 - GREY), row="white is zero")
    twelve = one >> 4
    bits = (twelve.reshape(-1)[:, None] >> np.arange(12)[::-1]) & 1
    contents = tiff(np.packbits(bits.astype(np.uint8)).tobytes(), W, H, t258=12)
    yield Case("tiff 12", contents, scaled(grey(twelve), 4095), notes=("12 bits",), row="12 bits")
    contents = saved(PIL.Image.fromarray(GREY > 90), "TIFF", compression="group4")
    yield Case("tiff fax", contents, grey(np.where(GREY > 90, 255, 0)), notes=("1 bit",), row="1 bit")


def channels() -> Iterator[Case]:
    for n in (5, 6, 13):
        contents = tiff(bytes(H * W * n), W, H, t258=(8,) * n, t277=n, t338=(0,) * (n - 1))
        yield Case(f"tiff of {n} channels", contents, says=f"has {n} channels", row="more than 4 channels")
    contents = tiff(bytes(H * W * 5), W, H, t258=(8,) * 5, t262=2, t277=5, t338=(0, 0))
    yield Case("tiff rgb and 2 more", contents, says="has 5 channels", row="more than 4 channels")
    contents = tiff(FOUR.tobytes(), W, H, t258=(8,) * 4, t262=2, t277=4, t338=0)
    yield Case("tiff rgb and infrared", contents, RAMP, notes=("fourth channel",), row="unnamed channel")
    two = FOUR[..., 2:]
    contents = tiff(two.tobytes(), W, H, t258=(8, 8), t277=2, t338=0)
    yield Case("tiff grey and another", contents, two[..., :1], notes=("second channel",), row="unnamed channel")
    contents = tiff(two.tobytes(), W, H, t258=(8, 8), t277=2, t338=2)
    right = on_white(two[..., :1], two[..., 1])
    yield Case("tiff grey, alpha", contents, right, tolerance=1, notes=("transparent",), row="transparency")
    contents = tiff(bytes(480), W, H, t258=(8, 16, 8), t262=2, t277=3)
    yield Case("tiff channels unlike", contents, says="unlike in each channel", row="other numbers")


def palettes() -> Iterator[Case]:
    table = np.concatenate((WIDE.reshape(-1, 4)[:, :3], np.zeros((208, 3), np.uint16)))
    indices = np.arange(H * W, dtype=np.uint8).reshape(H, W)
    for shift, right in ((0, scaled(table, 65535)), (8, (table >> 8).astype(np.uint8))):
        colours = tuple((table >> shift).T.ravel().tolist())
        contents = tiff(indices.tobytes(), W, H, t262=3, t320=colours)
        yield Case(f"tiff palette {shift}", contents, right[indices], notes=("palette",), row="palette")


def colours() -> Iterator[Case]:
    contents = tiff(FOUR.tobytes(), W, H, t258=(8,) * 4, t262=5, t277=4)
    right = scaled((255.0 - FOUR[..., :3]) * (255.0 - FOUR[..., 3:]), 255 * 255)
    yield Case("tiff cmyk", contents, right, tolerance=1, notes=("CMYK",), row="CMYK")
    luma, blue, red = np.moveaxis(RAMP.astype(float), 2, 0) - np.array([0, 128, 128])[:, None, None]
    right = np.stack((luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue), 2)
    right = np.clip(np.rint(right), 0, 255).astype(np.uint8)  # what lies outside RGB has no other place
    three = {"t258": (8, 8, 8), "t277": 3}
    contents = tiff(RAMP.tobytes(), W, H, **three, t262=6, t530=(1, 1))
    yield Case("tiff ycbcr", contents, right, tolerance=2, notes=("YCbCr",), row="YCbCr")
    contents = tiff(RAMP.tobytes(), W, H, **three, t262=6, t530=(2, 2))
    yield Case("tiff ycbcr subsampled", contents, says="layout that is not read", row="YCbCr")
    lab = np.zeros((H, W, 3), np.uint8)
    lab[..., 0] = np.linspace(0, 255, H * W).reshape(H, W)  # a = b = 0: greys, by the formula of CIE and of sRGB
    lightness = lab[..., 0] * (100 / 255)
    light = np.where(lightness > 8, ((lightness + 16) / 116) ** 3, lightness / 903.3)
    right = np.rint(255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055))
    contents = tiff(lab.tobytes(), W, H, **three, t262=8)
    yield Case("tiff lab", contents, as_rgb(right.astype(np.uint8)), tolerance=2, notes=("Lab",), row="Lab")


def layouts() -> Iterator[Case]:
    contents = tiff(GREY.tobytes(), W, H, pages=3)
    yield Case("tiff of pages", contents, grey(GREY), notes=("first of several",), row="animation or pages")
    contents = tiff(GREY.tobytes(), W, H, t50706=(1, 4, 0, 0))
    yield Case("tiff of a camera", contents, says="camera's raw file", row="camera raw")
    planes = {"t258": (16,) * 3, "t262": 2, "t277": 3, "t284": 2, "t273": (8, 104, 200), "t279": (96,) * 3}
    contents = tiff(WIDE[..., :3].transpose(2, 0, 1).tobytes(), W, H, **planes)
    yield Case("tiff rgb 16 in planes", contents, says="layout that is not read", row="16 bits, colour")
    tiles = {"t273": None, "t278": None, "t322": 60_000, "t323": 60_000, "t324": 8, "t325": 64, "t259": 8}
    yield Case("tiff with giant tiles", tiff(bytes(64), W, H, **tiles), says="tiles are said")
    yield Case("tiff with strips missing", tiff(bytes(H * W), W, H, t278=2), says="1 of 3 parts")
    yield Case("tiff without a size", tiff(bytes(48), W, H, t256=None), says="no size")
    yield Case("tiff of nothing", tiff(b"", 0, H), says="no size")
    for compression in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "raw"):
        for turn in (1, 6):
            contents = saved(RAMP, "TIFF", compression=compression, tiffinfo={274: turn})
            yield Case(f"tiff {compression} {turn}", contents, TURNS[turn](RAMP), row="RGB")
