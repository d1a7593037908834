"""Known sets on four tiny files, from sources that are made up here."""

import gzip
import hashlib
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest

from striate.data import sources
from striate.data.formats import idx
from striate.data.known import KnownFile, KnownSet, cache_folder, checked
from striate.data.read import read
from striate.errors import DataError

NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
ARRAYS = (
    np.arange(36, dtype=np.uint8).reshape(4, 3, 3),
    np.array([0, 1, 0, 1], np.uint8),
    np.arange(18, dtype=np.uint8).reshape(2, 3, 3),
    np.array([1, 0], np.uint8),
)
CONTENTS = {name: idx.header(array) + array.tobytes() for name, array in zip(NAMES, ARRAYS, strict=True)}
FILES = tuple(KnownFile(name, len(raw), hashlib.sha256(raw).hexdigest()) for name, raw in CONTENTS.items())


def tiny(*places, installed=()):
    return KnownSet("tiny", ("no", "yes"), FILES, tuple(places), installed)


def gives(contents, where="somewhere"):
    calls = []

    def fetch(files):
        calls.append(files)
        return contents

    return sources.Source(where, fetch), calls


def refuses(reason, where="nowhere"):
    def fetch(files):
        raise DataError(reason)

    return sources.Source(where, fetch)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


class TestReading:
    def test_a_fetched_set_is_whole_and_kept_for_the_next_time(self, cache):
        source, calls = gives(CONTENTS)
        first, second = tiny(source).read(None), tiny(source).read(None)
        assert len(calls) == 1
        assert first.fingerprint() == second.fingerprint()
        assert first.train.images[:, 0].tolist() == ARRAYS[0].tolist()
        assert first.test.labels.tolist() == [1, 0]
        assert {p.name: p.read_bytes() for p in (cache / "tiny").iterdir()} == CONTENTS

    def test_a_packed_answer_is_as_good(self):
        source, _ = gives({name: gzip.compress(raw) for name, raw in CONTENTS.items()})
        assert tiny(source).read(None).name == "tiny"

    def test_the_next_source_is_asked_if_one_fails_or_gives_something_else(self):
        other = CONTENTS | {NAMES[3]: CONTENTS[NAMES[3]][:-1] + b"\x01"}
        wrong, calls = gives(other)
        right, _ = gives(CONTENTS)
        assert tiny(refuses("is down"), wrong, right).read(None).test.labels.tolist() == [1, 0]
        assert len(calls) == 1

    def test_a_damaged_cache_is_fetched_again(self, cache):
        source, calls = gives(CONTENTS)
        tiny(source).read(None)
        for damage in (b"", CONTENTS[NAMES[0]][:-1], CONTENTS[NAMES[0]][:-1] + b"\xff"):
            (cache / "tiny" / NAMES[0]).write_bytes(damage)
            assert tiny(source).read(None).train.images[:, 0].tolist() == ARRAYS[0].tolist()
        assert len(calls) == 4

    def test_a_source_that_breaks_off_is_not_believed(self, cache):
        source, _ = gives({name: gzip.compress(raw)[:-9] for name, raw in CONTENTS.items()})
        with pytest.raises(DataError, match="somewhere: train-images-idx3-ubyte: the gzip data are cut off"):
            tiny(source).read(None)
        assert not cache.exists()

    def test_an_installed_package_is_read_in_place(self, tmp_path, cache):
        for name, raw in CONTENTS.items():
            (tmp_path / f"{name}.gz").write_bytes(gzip.compress(raw))
        assert len(tiny(installed=(tmp_path,)).read(None).train) == 4
        assert not cache.exists()

    def test_data_dir_takes_any_spelling_and_asks_nobody(self, tmp_path):
        for name, raw in CONTENTS.items():
            (tmp_path / f"{name.replace('-idx', '.idx')}.gz").write_bytes(gzip.compress(raw))
        source, calls = gives(CONTENTS)
        assert len(tiny(source).read(tmp_path).train) == 4
        assert not calls

    def test_without_any_source_the_files_and_the_folder_are_named(self, cache):
        with pytest.raises(
            DataError,
            match=rf"^tiny: cannot be fetched \(nowhere: is down; far: not reached\). Put {', '.join(NAMES)} "
            rf"\(plain or .gz\) into {cache}/tiny, or into a folder that you name with --data-dir.$",
        ):
            tiny(refuses("is down."), refuses("not reached", "far")).read(None)

    def test_the_message_says_that_the_cache_is_damaged(self, cache):
        tiny(gives(CONTENTS)[0]).read(None)
        (cache / "tiny" / NAMES[1]).write_bytes(b"")
        with pytest.raises(
            DataError, match=r"cannot be fetched \(.*train-labels-idx1-ubyte: is not an IDX file.*; nowhere"
        ):
            tiny(refuses("is down")).read(None)

    def test_a_cache_that_cannot_be_written_is_named(self, cache):
        cache.write_bytes(b"a file where the folder should be")
        with pytest.raises(DataError, match=r"cache/tiny/train-images-idx3-ubyte: cannot be written"):
            tiny(gives(CONTENTS)[0]).read(None)

    def test_a_wrong_file_is_refused_with_both_sums(self):
        with pytest.raises(
            DataError, match=rf"x: is not the known {NAMES[1]}: its SHA-256 is .* not {FILES[1].sha256[:12]}"
        ):
            checked(ARRAYS[3], FILES[1], "x")


class TestCacheFolder:
    def test_is_where_the_user_says(self, monkeypatch):
        assert cache_folder().name == "cache"
        monkeypatch.delenv("STRIATE_CACHE")
        monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
        assert cache_folder() == Path("/somewhere/striate")

    @pytest.mark.parametrize("shared", ["", "relative"])
    def test_is_in_the_home_otherwise(self, monkeypatch, shared):
        monkeypatch.delenv("STRIATE_CACHE")
        monkeypatch.setenv("XDG_CACHE_HOME", shared)
        monkeypatch.setenv("HOME", "/home/me")
        assert cache_folder() == Path("/home/me/.cache/striate")


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_without_network_or_programs_a_name_says_which_files_go_where(name, monkeypatch, tmp_path, cache):
    def no_network(address, timeout):
        raise URLError(OSError(-2, "Name or service not known"))

    monkeypatch.setattr(sources, "urlopen", no_network)
    monkeypatch.setenv("PATH", str(tmp_path))
    if Path("/usr/share/datasets/fashion-mnist").exists() and name == "fashion_mnist":
        pytest.skip("the package dataset-fashion-mnist is installed here")
    with pytest.raises(
        DataError, match=rf"^{name}: cannot be fetched \(.*\). Put .* into {cache}/{name}, or .*--data-dir"
    ):
        read(name)
