"""JPEG: every subsampling, inks, profiles, ends that are missing, and kinds that are not read."""

from __future__ import annotations

import PIL.Image
import simplejpeg

from .case import Case
from .writers import NOISE, SMOOTH, grey, jpeg, saved, segment

UNREAD = ((0xC3, "lossless"), (0xC5, "hierarchical"), (0xC9, "arithmetic"), (0xCA, "arithmetic"), (0xCB, "arithmetic"))


def jpegs() -> list[Case]:
    return [*sound(), *damage(), *unread()]


def sound() -> list[Case]:
    cases = [Case("jpeg grey", jpeg(SMOOTH[..., 0]), grey(SMOOTH[..., 0]), tolerance=6, row="grey")]
    for subsampling in (0, 1, 2):
        for progressive in (False, True):
            contents = saved(SMOOTH, "JPEG", quality=95, subsampling=subsampling, progressive=progressive)
            cases.append(Case(f"jpeg {subsampling} {progressive}", contents, SMOOTH, tolerance=12, row="RGB"))
    contents = saved(PIL.Image.fromarray(SMOOTH).convert("CMYK"), "JPEG", quality=97)
    cases.append(Case("jpeg cmyk", contents, SMOOTH, tolerance=12, notes=("CMYK",), row="CMYK"))
    contents = jpeg(SMOOTH, segment(0xE2, b"ICC_PROFILE\0\1\1" + b"a printer's profile"))
    said = ("colour profile",)
    cases.append(Case("jpeg with a profile", contents, SMOOTH, tolerance=6, notes=said, row="colour profile"))
    return cases


def damage() -> list[Case]:
    whole = jpeg(NOISE)
    half, plain = len(whole) // 2, simplejpeg.decode_jpeg(whole)
    few, padding, much = (whole[:-2] + left + whole[-2:] for left in (b"\0\1\2" * 5, bytes(900), bytes(range(200))))
    return [
        Case("jpeg with something after its end", whole + b"junk" * 99, plain),
        Case("jpeg with fillers before a marker", whole[:2] + b"\xff\xff" + whole[2:], plain),
        Case("jpeg with few bytes left over", few, plain, notes=("extraneous",), row="leftover bytes"),
        Case("jpeg padded at its end", padding, plain, notes=("extraneous",), row="leftover bytes"),
        Case("jpeg with much left over", much, says="pixel data are left over", row="leftover bytes"),
        Case("jpeg ended in the middle", whole[:half] + b"\xff\xd9", says="damaged or cut off"),
        Case("jpeg filled up with zeros", whole[:half] + bytes(half), says="damaged or cut off"),
        Case("jpeg filled up and ended", whole[:half] + bytes(half) + b"\xff\xd9", says="damaged or cut off"),
        Case("jpeg without its last byte", whole[:-1], says="damaged or cut off"),
    ]


def unread() -> list[Case]:
    whole, row = jpeg(NOISE), "unusual JPEG"
    at = whole.index(b"\xff\xc0")  # its frame: marker, length, bits, height, width, channels
    cases = [
        Case(f"jpeg {marker:x}", whole[: at + 1] + bytes([marker]) + whole[at + 2 :], says=says, row=row)
        for marker, says in UNREAD
    ]
    for name, place, value, says in (
        ("of 12 bits", 4, b"\x0c", "12 bits"),
        ("of two channels", 9, b"\2", "2 channels"),
        ("of no height", 5, b"\0\0", "48x0 pixels"),
        ("that cannot hold its size", 5, b"\x1f\0\x1f\0", "cannot hold"),
    ):
        contents = whole[: at + place] + value + whole[at + place + len(value) :]
        cases.append(Case(f"jpeg {name}", contents, says=says, row=row))
    slow = saved(SMOOTH, "JPEG", progressive=True)
    scan = slow.index(b"\xff\xda")
    contents = slow[:scan] + slow[scan : scan + 14] * 500 + slow[scan:]
    return [*cases, Case("jpeg of endless scans", contents, says="scans, more than", row=row)]
