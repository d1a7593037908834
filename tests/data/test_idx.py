import gzip
import hashlib
import shutil
import struct
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from striate.data.formats import idx
from striate.data.read import read
from striate.data.records import DataSet
from striate.errors import DataError

SMALL = b"\0\0\x08\x03" + struct.pack(">3I", 4, 2, 3) + bytes(range(24))  # four 2x3 pictures, written by hand
LABELS = b"\0\0\x08\x01" + struct.pack(">I", 4) + bytes([0, 1, 0, 1])


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(SMALL)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(LABELS)
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(SMALL))
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(LABELS))
    return tmp_path


class TestAnArray:
    def test_is_read_as_the_header_says(self, folder):
        array = idx.read_array(folder / "train-images-idx3-ubyte")
        assert array.tolist() == np.arange(24).reshape(4, 2, 3).tolist()
        assert array.flags.writeable

    @pytest.mark.parametrize("dtype", ["u1", "i1", "i2", "i4", "f4", "f8"])
    @pytest.mark.parametrize("suffix", ["", ".gz"])
    def test_of_every_type_comes_back_from_plain_and_packed_files(self, tmp_path, dtype, suffix):
        array = np.array([[0, 1, 100], [127, 3, 2]], dtype)
        idx.write_array(tmp_path / f"x{suffix}", array)
        assert np.array_equal(idx.read_array(tmp_path / f"x{suffix}"), array)

    def test_is_big_endian_in_the_file(self, tmp_path):
        idx.write_array(tmp_path / "x", np.array([1, -2], np.int16))
        assert (tmp_path / "x").read_bytes() == bytes.fromhex("00000b01 00000002 0001 fffe")

    def test_is_told_from_gzip_by_content_whatever_the_suffix(self, tmp_path):
        (tmp_path / "packed").write_bytes(gzip.compress(LABELS))
        (tmp_path / "plain.gz").write_bytes(LABELS)
        assert idx.read_array(tmp_path / "packed").tolist() == idx.read_array(tmp_path / "plain.gz").tolist()

    def test_of_several_gzip_members_is_one(self):
        assert idx.parse(gzip.compress(LABELS[:6]) + gzip.compress(LABELS[6:]), "x").tolist() == [0, 1, 0, 1]

    def test_that_the_format_cannot_hold_is_refused(self, tmp_path):
        with pytest.raises(DataError, match="x: IDX does not hold int64 of 1 axes"):
            idx.write_array(tmp_path / "x", np.array([1]))

    @given(st.binary(max_size=64), st.sampled_from([b"", b"\0\0\x08", b"\0\0\x08\x01", b"\0\0\x0e\x03\xff", SMALL]))
    def test_of_random_bytes_is_an_array_or_one_line(self, outcome, tail, start):
        for contents in (start + tail, gzip.compress(start + tail, 1), b"\x1f\x8b" + start + tail):
            end = outcome(idx.parse, contents, "fuzz")
            if isinstance(end, DataError):
                assert str(end).startswith("fuzz: ")
                assert "\n" not in str(end)
            else:
                assert end.nbytes <= 88

    @given(st.data())
    def test_with_a_damaged_byte_or_a_cut_is_never_misread_when_packed(self, data):
        packed = gzip.compress(SMALL, mtime=0)
        place = data.draw(st.integers(10, len(packed) - 1))  # the first ten bytes are flags and time
        cut = data.draw(st.booleans())
        bad = packed[:place] if cut else packed[:place] + bytes([packed[place] ^ 0x41]) + packed[place + 1 :]
        with pytest.raises(DataError, match=r"^fuzz: .*(cut off|damaged|get it again)"):
            idx.parse(bad, "fuzz")

    @given(st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=8), st.sampled_from(sorted(idx.TYPES)))
    def test_of_a_huge_header_is_refused_before_it_is_allocated(self, shape, code):
        head = bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)
        for contents in (head, gzip.compress(head, 1)):
            with pytest.raises(DataError, match=r"x: its header says .*(bytes, but|it holds nothing)"):
                idx.parse(contents, "x")

    def test_of_four_thousand_million_million_pixels_is_refused_at_once(self, tmp_path):
        (tmp_path / "x").write_bytes(b"\0\0\x08\x03" + b"\xff" * 12)
        begin = time.perf_counter()
        with pytest.raises(DataError, match="4294967295x4294967295x4294967295"):
            idx.read_array(tmp_path / "x")
        assert time.perf_counter() - begin < 1

    def test_that_unpacks_to_more_than_is_known_of_it_is_refused(self):
        bomb = gzip.compress(b"\0\0\x08\x01" + struct.pack(">I", 10**6) + bytes(10**6))
        with pytest.raises(DataError, match="1,000,000 bytes, but the file cannot hold that"):
            idx.parse(bomb, "x", most=1000)


class TestARefusalSays:
    def refused(self, contents, match):
        for packed in (contents, gzip.compress(contents)):
            with pytest.raises(DataError, match=match):
                idx.parse(packed, "x")

    def test_what_a_wrong_magic_number_is(self):
        self.refused(b"\x89PNG\r\n\x1a\n", r"x: is not an IDX file: it starts with 89 50 4e 47, and an IDX file starts")
        self.refused(b"\0\0\x07\x01\0\0\0\0", r"starts with 00 00 07 01")
        self.refused(b"\0\0\x08\0", r"starts with 00 00 08 00")
        self.refused(b"\0\0\x08\x09" + bytes(80), r"starts with 00 00 08 09, .* 1 to 8 axes")
        self.refused(b"\0\0\x08", r"starts with 00 00 08,")

    def test_that_a_file_is_empty(self):
        self.refused(b"", "x: is not an IDX file: it is empty")

    def test_that_a_header_is_cut(self):
        self.refused(SMALL[:9], "x: ends inside its header of 3 axes")

    def test_that_nothing_is_there(self):
        self.refused(b"\0\0\x08\x02" + struct.pack(">2I", 0, 5), "x: its header says 0x5: it holds nothing")

    def test_that_numbers_are_missing(self):
        with pytest.raises(DataError, match="x: its header says 4x2x3, 24 bytes, but the file cannot hold that"):
            idx.parse(SMALL[:-1], "x")
        with pytest.raises(DataError, match=r"24 bytes, but only 23 are there. It is cut off"):
            idx.parse(gzip.compress(SMALL[:-1]), "x")

    def test_that_bytes_are_left_over(self):
        self.refused(SMALL + b"\0", "x: its header says 4x2x3, 24 bytes, but more follow")

    def test_that_gzip_is_cut_or_damaged(self):
        packed = gzip.compress(SMALL)
        with pytest.raises(DataError, match=r"x: the gzip data are cut off. Copy or download the file again"):
            idx.parse(packed[:-4], "x")
        with pytest.raises(DataError, match="x: the gzip data are damaged"):
            idx.parse(packed[:-8] + bytes(8), "x")


class TestAFolder:
    def test_gives_train_and_test(self, folder):
        data = read(folder)
        assert data.classes == ("0", "1")
        assert data.train.images.shape == (4, 1, 2, 3)
        assert data.train.images.flatten().tolist() == list(range(24))
        assert data.test.labels.tolist() == [0, 1, 0, 1]
        assert not data.parted

    @pytest.mark.parametrize(
        "spelling", ["{0}-{1}-idx{2}-ubyte", "{0}-{1}.idx{2}-ubyte", "{0}_{1}.idx", "{0}-{1}-idx{2}-ubyte.gz"]
    )
    def test_is_recognised_in_any_usual_spelling(self, tmp_path, spelling):
        for part in ("train", "test"):
            (tmp_path / spelling.format(part, "images", 3)).write_bytes(SMALL)
            (tmp_path / spelling.format(part, "labels", 1)).write_bytes(LABELS)
        assert len(read(tmp_path).test) == 4

    def test_is_found_from_one_of_its_files(self, folder):
        assert read(folder / "t10k-labels-idx1-ubyte.gz").fingerprint() == read(folder).fingerprint()

    def test_prefers_the_plain_file_where_both_are_there(self, folder):
        (folder / "train-images-idx3-ubyte.gz").write_bytes(b"not read")
        assert len(read(folder).train) == 4

    def test_with_one_pair_only_is_split(self, tmp_path):
        (tmp_path / "images.idx3-ubyte").write_bytes(SMALL)
        (tmp_path / "labels.idx1-ubyte").write_bytes(LABELS)
        data = read(tmp_path)
        assert data.parted
        assert (len(data.train), len(data.test)) == (2, 2)

    def test_with_a_test_pair_only_has_no_train_part(self, folder):
        for file in folder.glob("train*"):
            file.unlink()
        data = read(folder)
        assert data.train is None
        assert len(data.test) == 4

    def test_without_labels_is_refused(self, folder):
        (folder / "train-labels-idx1-ubyte").unlink()
        with pytest.raises(DataError, match="train-images-idx3-ubyte is there, but its labels are not"):
            read(folder)
        (folder / "train-images-idx3-ubyte").rename(folder / "train-labels-idx1-ubyte")
        with pytest.raises(DataError, match="train-labels-idx1-ubyte is there, but its images are not"):
            read(folder)

    def test_of_several_data_sets_is_refused_with_their_names(self, folder):
        for name in ("images-idx3-ubyte", "labels-idx1-ubyte"):
            shutil.copy(folder / f"train-{name}", folder / f"emnist-letters-train-{name}")
            (folder / f"train-{name}").rename(folder / f"emnist-digits-train-{name}")
        for file in folder.glob("t10k*"):
            file.unlink()
        with pytest.raises(
            DataError, match=r"holds 2 data sets, emnist-digits, emnist-letters. Name a file of the one"
        ):
            read(folder)
        assert len(read(folder / "emnist-letters-train-images-idx3-ubyte").whole()) == 4

    def test_of_two_files_for_one_part_is_refused(self, folder):
        shutil.copy(folder / "train-images-idx3-ubyte", folder / "train-images.idx3-ubyte")
        with pytest.raises(
            DataError, match=r"train-images-idx3-ubyte and train-images.idx3-ubyte are both train images"
        ):
            read(folder)

    def test_of_swapped_files_is_refused(self, folder):
        (folder / "train-images-idx3-ubyte").write_bytes(LABELS)
        (folder / "train-labels-idx1-ubyte").write_bytes(SMALL)
        with pytest.raises(
            DataError, match=r"train-images-idx3-ubyte: holds labels, and .*train-labels-.* holds pictures"
        ):
            read(folder)

    def test_of_different_counts_is_refused_with_both_files(self, folder):
        (folder / "train-labels-idx1-ubyte").write_bytes(b"\0\0\x08\x01" + struct.pack(">I", 3) + bytes(3))
        with pytest.raises(DataError, match=r"images-idx3-ubyte: 4 pictures, but .*labels-idx1-ubyte: 3 labels"):
            read(folder)

    def test_of_a_test_label_that_training_never_sees_is_refused(self, folder):
        (folder / "t10k-labels-idx1-ubyte.gz").write_bytes(LABELS[:-1] + b"\x09")
        with pytest.raises(DataError, match="test record 3 has label 9, but there are 2 classes, 0 to 1"):
            read(folder)

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
    @given(st.binary(max_size=40), st.sampled_from(["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte.gz"]))
    def test_with_any_bytes_in_any_file_ends_as_data_or_one_line(self, outcome, folder, contents, name):
        before = (folder / name).read_bytes()
        (folder / name).write_bytes(contents)
        end = outcome(read, folder)
        (folder / name).write_bytes(before)
        assert isinstance(end, DataSet) or "\n" not in str(end)


class TestMnist:
    def test_begins_with_the_digits_everyone_knows(self, mnist_folder):
        data = read(mnist_folder)
        assert data.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
        assert data.test.labels[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
        assert data.train.labels.bincount().tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
        assert data.train.images[0, 0, 5, 12:18].tolist() == [3, 18, 18, 18, 126, 136]  # the top of the first 5
        assert data.train.images.shape == (60_000, 1, 28, 28)

    def test_is_the_published_file_to_the_bit(self, mnist_folder):
        array = idx.read_array(mnist_folder / "train-images-idx3-ubyte.gz")
        raw = hashlib.md5(idx.header(array) + array.tobytes(), usedforsecurity=False)
        assert raw.hexdigest() == "6bbc9ace898e44ae57da46a324031adb"
