"""A look at a checkpoint of torch before any of it is read: how it is packed, and every name that it asks for.

torch writes a zip archive of plain members, one of them the pickle `data.pkl`; before 2020 it wrote five pickles one
after the other, and the numbers after them. A pickle is a small program. Here its steps are only read, none is taken:
nothing is built, nothing is imported. What asks for a name that tensors do not need is refused, by that name.
"""

from __future__ import annotations

import pickletools
import struct
import zipfile
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from striate.errors import WeightsError

OLD_MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # the first pickle of the old form: a number
OLD_PICKLES = 5  # that number, a version, facts of the machine, the tensors, the order of their numbers
LARGEST_PICKLE = 32 * 2**20  # bytes; that of a network of a thousand layers has half a million
MOST_STEPS = 1_000_000
LARGEST_DIRECTORY = 8 * 2**20  # bytes of a zip archive's list of members
END, END_64, LOCATOR_64 = b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07"
DAMAGE = (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, RuntimeError, struct.error, EOFError)

KINDS = ("Float", "Double", "Half", "BFloat16", "Long", "Int", "Short", "Char", "Byte", "Bool")
TYPES = ("float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool")
HARMLESS = {  # what a pickle of tensors, numbers, words, lists and dicts of them needs; torch allows these too
    "collections.OrderedDict",
    "_codecs.encode",
    "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_tensor_v3",
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state",
    "torch._tensor._rebuild_from_type_v2",
    "torch.nn.parameter.Parameter",
    "torch.storage.UntypedStorage",
    "torch.serialization._get_layout",
    "torch.Size",
    "torch.Tensor",
    "torch.device",
    *(f"torch.{name}" for name in TYPES),
    *(f"{place}.{kind}Storage" for place in ("torch", "torch.cuda") for kind in KINDS),
}
KNOWN_MEMBERS = {  # a member that torch's checkpoints do not have: what the archive is instead, and what would do
    "constants.pkl": "is TorchScript, which is a program. Save the state_dict() of the module instead",
    "word/document.xml": "is a document of Word",
}


def look_at_zip(path: Path, file: BinaryIO) -> None:
    """`WeightsError` unless `file` is an archive as torch writes it, of tensors alone."""
    size = file.seek(0, 2)
    cut = f"{path}: is damaged or cut short ({size:,} bytes). Copy or download it again."
    try:
        directory = _directory(file, size)
    except DAMAGE:
        raise WeightsError(cut) from None
    if directory > LARGEST_DIRECTORY:
        raise WeightsError(f"{path}: is refused: its list of members is larger than any checkpoint's.")
    try:
        archive = zipfile.ZipFile(file)
    except DAMAGE:
        raise WeightsError(cut) from None
    members = archive.infolist()
    names = [member.filename for member in members]
    for tail, what in KNOWN_MEMBERS.items():
        if any(name == tail or name.endswith(f"/{tail}") for name in names):
            raise WeightsError(f"{path}: {what}.")
    pickles = [member for member in members if member.filename.rpartition("/")[2] == "data.pkl"]
    if len(pickles) != 1:
        held = ", ".join(names[:3]) or "nothing"
        raise WeightsError(f"{path}: is a zip archive of {_shortened(held)}, not a checkpoint of torch.")
    if any(member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1 for member in members):
        raise WeightsError(f"{path}: is refused: its members are packed, and torch never packs them. Save it again.")
    if sum(member.file_size for member in members) > size or len(set(names)) < len(names):
        raise WeightsError(f"{path}: is refused: its members claim more than the {size:,} bytes that are there.")
    if pickles[0].file_size > LARGEST_PICKLE:
        raise WeightsError(f"{path}: is refused: its pickle has {pickles[0].file_size:,} bytes.")
    try:
        damaged, held_pickle = archive.testzip(), archive.read(pickles[0])  # torch does not look at the checksums
    except DAMAGE:
        damaged, held_pickle = pickles[0].filename, b""
    if damaged is not None:
        raise WeightsError(f"{path}: is damaged: the checksum of its member {damaged!a:.80} is wrong. Copy it again.")
    look_at_pickles(path, held_pickle, 1)


def look_at_pickles(path: Path, held: bytes, count: int) -> None:
    """`WeightsError` unless `held` starts with `count` pickles that ask for nothing but what tensors need."""
    stream, steps = BytesIO(held), 0
    for _ in range(count):
        words: list[str] = []  # the strings met, in order: the last two are most likely what a STACK_GLOBAL asks for
        try:
            for step, argument, _at in pickletools.genops(stream):
                steps += 1
                if steps > MOST_STEPS:
                    raise WeightsError(f"{path}: is refused: its pickle has more than {MOST_STEPS:,} steps.")
                if isinstance(argument, str) and "UNICODE" in step.name:
                    words.append(argument)
                else:
                    _allow(path, step.name, argument, words)
        except WeightsError:
            raise
        except Exception:  # pickletools raises many kinds on what is no pickle
            raise WeightsError(f"{path}: is cut short or damaged: its pickle cannot be read. Copy it again.") from None


def _allow(path: Path, step: str, argument: object, words: list[str]) -> None:
    """`WeightsError` if this step of a pickle asks for a name that tensors do not need."""
    if step in ("GLOBAL", "INST"):
        name = str(argument).replace(" ", ".").replace("__builtin__.", "builtins.")  # as Python 2 called it
    elif step == "STACK_GLOBAL":
        name = ".".join(words[-2:]) or "a name without words"
    elif step.startswith("EXT"):
        name = f"extension {argument}"
    else:
        return
    if step == "STACK_GLOBAL" and name in HARMLESS:
        raise WeightsError(
            f"{path}: is refused: it was saved with a pickle protocol that torch does not read safely. "
            "Save it again with torch's own, or as safetensors."
        )
    if step != "GLOBAL" or name not in HARMLESS:
        raise WeightsError(
            f"{path}: is refused: it asks for {_shortened(name)}, which plain tensors do not need; nothing was run. "
            "Give a file of tensors alone, as torch.save(net.state_dict(), ...) or safetensors write it."
        )


def _directory(file: BinaryIO, size: int) -> int:
    """The bytes of a zip archive's list of members, as its end says; at least what 64-bit archives say of theirs."""
    start = max(0, size - 65_557)  # the end's record, and the longest comment after it
    file.seek(start)
    tail = file.read()
    at = tail.rfind(END)
    if at < 0 or at + 22 > len(tail):
        raise ValueError("no end")
    length = int(struct.unpack("<L", tail[at + 12 : at + 16])[0])
    if at >= 20 and tail[at - 20 : at - 16] == LOCATOR_64:
        file.seek(struct.unpack("<Q", tail[at - 12 : at - 4])[0])
        record = file.read(56)
        if record[:4] != END_64:
            raise ValueError("no end")
        length = max(length if length < 2**32 - 1 else 0, int(struct.unpack("<Q", record[40:48])[0]))
    return length


def _shortened(name: str) -> str:
    plain = name if name.isprintable() else ascii(name)[1:-1]
    return plain if len(plain) <= 80 else f"{plain[:80]}..."
