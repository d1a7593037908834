"""Tar shards, sound and hostile; the reader of the webdataset library itself is what they are compared with."""

import builtins
import gzip
import subprocess
import sys
import tarfile
from contextlib import ExitStack

import pytest

from striate.data.read import read
from striate.errors import ConfigError, DataError
from tests.data.layouts import by_name, picture_bytes, shard

CAT, DOG = picture_bytes(1), picture_bytes(2)


def samples(first=0, count=4, label=lambda i: str(i % 2), kind="cls"):
    made = {}
    for i in range(first, first + count):
        made[f"{i:05d}.png"] = picture_bytes(i)
        made[f"{i:05d}.{kind}"] = label(i).encode()
    return made


def labels(data):
    return {name.split("/")[-1]: label for name, (_, label) in by_name(data).items()}


def refused(path, match):
    with pytest.raises(DataError, match=match):
        read(path)


class TestSound:
    def test_shards_give_what_the_library_itself_reads(self, tmp_path):
        from webdataset.tariterators import group_by_keys, tar_file_expander

        for i in range(2):
            shard(tmp_path / f"{i:03d}.tar", samples(4 * i))
        data = read(tmp_path)
        assert data.format == "webdataset"
        found = {}
        for _, part in data.parts:
            for i in range(len(part)):
                found[part.pictures[i].name.removesuffix(".png")] = (part.contents(i), data.classes[part.labels[i]])
        with ExitStack() as opened:
            streams = [
                {"url": name, "stream": opened.enter_context((tmp_path / name).open("rb"))}
                for name in ("000.tar", "001.tar")
            ]
            library = list(group_by_keys(tar_file_expander(streams)))
        assert found == {each["__key__"]: (each["png"], each["cls"].decode()) for each in library}

    def test_pixels_are_read_out_of_the_shard_in_any_order(self, tmp_path):
        part = read(shard(tmp_path / "x.tar", samples(count=12))).whole()
        for i in (7, 0, 11, 3):
            number = int(part.pictures[i].name[:5])
            assert part.contents(i) == picture_bytes(number)
            assert part.decoded(i).size == (6, 8)

    @pytest.mark.parametrize(
        "content", ["cat\ndog\n", '["cat", "dog"]', '{"0": "cat", "1": "dog"}', '{"dog": 1, "cat": 0}']
    )
    def test_numbers_are_places_in_a_file_beside_them(self, tmp_path, content):
        shard(tmp_path / "x.tar", samples())
        (tmp_path / ("labels.json" if content[0] in "[{" else "classes.txt")).write_text(content)
        data = read(tmp_path / "x.tar")
        assert labels(data) == {"00000.png": "cat", "00001.png": "dog", "00002.png": "cat", "00003.png": "dog"}

    @pytest.mark.parametrize(
        ("kind", "text"),
        [("cls", "{}"), ("txt", "{}\n"), ("json", '{{"label": "{}", "id": 3}}'), ("json", '{{"class": "{}"}}')],
    )
    def test_classes_are_in_cls_txt_or_json(self, tmp_path, kind, text):
        file = shard(tmp_path / "x.tar", samples(label=lambda i: text.format("no" if i else "010"), kind=kind))
        assert set(labels(read(file)).values()) == {"010", "no"}

    def test_parts_are_in_the_names_of_shards_or_folders(self, tmp_path):
        shard(tmp_path / "a/set-train-000.tar", samples(0))
        shard(tmp_path / "a/set-val-000.tar", samples(4))
        shard(tmp_path / "b/train/000.tar", samples(0))
        shard(tmp_path / "b/test/000.tar", samples(4))
        assert [name for name, _ in read(tmp_path / "a").parts] == ["train", "validation"]
        assert [name for name, _ in read(tmp_path / "b").parts] == ["train", "test"]

    def test_some_shards_are_named_in_braces(self, tmp_path):
        for i in range(3):
            shard(tmp_path / f"x-{i:03d}.tar", samples(4 * i))
        assert len(read(tmp_path / "x-{000..001}.tar").whole()) == 8
        refused(tmp_path / "x-{001..009}.tar", r"x-003.tar: there is no such shard, nor 6 more. Mend the braces")
        refused(tmp_path / "x-{1..999999999}.tar", "its braces mean too many shards")
        refused(tmp_path / "x-{{1..9}.tar", "its braces cannot be read")

    def test_other_members_are_passed_over_and_told(self, tmp_path):
        members = {
            "readme": b"x",
            "a.seg.png": CAT,
            "a.jpg": CAT,
            "a.cls": b"0",
            "a.npy": b"x",
            "b.cls": b"1",
            "__x__": b"",
        }
        folder = tarfile.TarInfo("deep/")
        folder.type = tarfile.DIRTYPE
        file = shard(tmp_path / "x.tar", {**members, "deep/": folder, "deep/c.PNG": DOG, "deep/c.cls": b"1"})
        data = read(file)
        assert labels(data) == {"a.jpg": "0", "c.PNG": "1"}
        assert data.notes == ("1 samples have no picture, and are not read",)

    def test_groups_are_in_the_json(self, tmp_path):
        file = shard(tmp_path / "x.tar", samples(8, 8, lambda i: f'{{"label": "x", "patient": "p{i // 4}"}}', "json"))
        data = read(file)
        assert {group for _, part in data.parts for group in part.groups} == {"p2", "p3"}


class TestHostile:
    @pytest.mark.parametrize(
        ("kind", "match"),
        [
            (tarfile.SYMTYPE, "x.tar: evil is a link, which a shard may not hold"),
            (tarfile.LNKTYPE, "evil is a link"),
            (tarfile.CHRTYPE, "evil is a device"),
            (tarfile.BLKTYPE, "evil is a device"),
            (tarfile.FIFOTYPE, "evil is a pipe"),
        ],
    )
    def test_links_and_devices_are_refused_by_name(self, tmp_path, kind, match):
        evil = tarfile.TarInfo("evil")
        evil.type, evil.linkname = kind, "/etc/passwd"
        refused(shard(tmp_path / "x.tar", {**samples(), "evil": evil}), match)

    @pytest.mark.parametrize("name", ["/etc/passwd.png", "../x.png", "a/../../x.png", "C:/x.png", "a\\x.png"])
    def test_names_that_lead_out_are_refused(self, tmp_path, name):
        refused(shard(tmp_path / "x.tar", {**samples(), name: CAT}), "is an absolute name, or leads out")

    def test_one_cut_off_inside_a_member_or_header_is_named(self, tmp_path):
        file = shard(tmp_path / "x.tar", samples())
        whole = file.read_bytes()
        for cut in (100, 600, 1024 + 100, 2048 + 700):
            file.write_bytes(whole[:cut])
            refused(file, r"x\.tar: is damaged or cut off after")

    def test_one_cut_off_between_members_is_told(self, tmp_path):
        file = shard(tmp_path / "x.tar", samples())
        file.write_bytes(file.read_bytes()[:4096])
        data = read(file)
        assert len(data.whole()) == 2
        assert "x.tar: ends without the mark that ends a tar; it may be cut off after 00001.cls" in data.notes[0]

    def test_one_with_a_damaged_header_in_it_is_named(self, tmp_path):
        file = shard(tmp_path / "x.tar", samples())
        whole = bytearray(file.read_bytes())
        whole[4096:4100] = b"\xff\xff\xff\xff"
        file.write_bytes(whole)
        refused(file, "x.tar: is damaged or cut off after 00001.cls")

    def test_what_is_no_tar_is_named(self, tmp_path):
        for content in (b"x" * 5000, b"\0" * 511, picture_bytes(0)):
            (tmp_path / "x.tar").write_bytes(content)
            refused(tmp_path / "x.tar", r"x\.tar: is damaged or cut off")
        (tmp_path / "x.tar").write_bytes(b"")
        refused(tmp_path / "x.tar", "x.tar: is empty")

    def test_packed_shards_are_refused_with_what_unpacks_them(self, tmp_path):
        whole = shard(tmp_path / "x.tar", samples()).read_bytes()
        (tmp_path / "x.tar").unlink()
        for name in ("train-000.tar.gz", "train-000.tar"):
            (tmp_path / name).write_bytes(gzip.compress(whole))
            refused(tmp_path / name, rf"{name}: is packed, so that no picture .* Run gunzip on it")
            refused(tmp_path, rf"{name}: is packed")
            (tmp_path / name).unlink()

    def test_a_sample_without_a_class_is_refused(self, tmp_path):
        refused(shard(tmp_path / "x.tar", {**samples(), "z.png": CAT}), r"x.tar: z.png has no class: no .cls")

    def test_a_sample_with_two_pictures_is_refused(self, tmp_path):
        refused(
            shard(tmp_path / "x.tar", {"a.png": CAT, "a.jpg": DOG, "a.cls": b"0"}),
            "sample a has several pictures, jpg, png",
        )

    def test_two_members_of_one_name_are_refused(self, tmp_path):
        file = shard(tmp_path / "x.tar", {"a.png": CAT, "a.PNG": DOG, "a.cls": b"0"})
        refused(file, "a sample cannot be put together: a.PNG: duplicate file name")

    @pytest.mark.parametrize(
        ("kind", "content", "match"),
        [
            ("cls", b"7", "a.png is of class 7, but 2 have a name, 0 to 1"),
            ("cls", b"\xff\xfe", "a.png: its class is not UTF-8"),
            ("cls", b"x" * 70_000, "has 70,000 bytes, more than the 65,536 that a label may have"),
            ("json", b"[1]", "a.png: its .json is .'1'., not an object"),
            ("json", b'{"label": [1, 2]}', "label is .'1', '2'.; one name is needed"),
            ("json", b'{"size": 1}', "a.png has no class"),
            ("json", b'{"label": "cat", "category": "animal"}', "label and category can both be the class"),
            ("txt", b"A cat sits on a mat\nand a dog beside it", "reads like a caption, 'A cat"),
        ],
    )
    def test_a_class_that_is_none_is_refused(self, tmp_path, kind, content, match):
        (tmp_path / "classes.txt").write_text("cat\ndog\n")
        refused(shard(tmp_path / "x.tar", {"a.png": CAT, f"a.{kind}": content}), match)

    @pytest.mark.parametrize("content", ["cat\ncat\n", '{"0": "cat", "2": "dog"}', "3"])
    def test_names_that_are_not_one_a_class_are_refused(self, tmp_path, content):
        (tmp_path / ("classes.txt" if "cat\n" in content else "classes.json")).write_text(content)
        refused(shard(tmp_path / "x.tar", samples()), "needs one name a class|is not a list of names")


def test_without_the_library_it_says_what_to_install(tmp_path, monkeypatch):
    file, real = shard(tmp_path / "x.tar", samples()), builtins.__import__

    def without(name, *rest, **more):
        if name.startswith("webdataset"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r"not installed. Run: pip install 'striate\[webdataset\]'"):
        read(file)


@pytest.mark.slow
def test_fifty_thousand_members_take_little_more_memory_than_their_names(tmp_path):
    """The pictures have 200 MB; what is kept may have a fifth of it."""
    body = b"\xff\xd8" + bytes(8_000)
    for number in range(5):
        shard(tmp_path / f"train-{number:03d}.tar", {
            f"{i:06d}.{kind}": body if kind == "jpg" else b"%d" % (i % 10)
            for i in range(number * 5_000, number * 5_000 + 5_000) for kind in ("jpg", "cls")
        })  # fmt: skip
    code = (
        "import resource, sys; from striate.data.formats.webdataset import webdataset; from pathlib import Path;"
        "import webdataset as _; peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss;"
        "before = peak(); kept = list(webdataset(Path(sys.argv[1])).examples); print(len(kept), peak() - before)"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    count, grown = map(int, done.stdout.split())
    assert count == 25_000
    assert grown < 40_000, f"{grown} KB"
