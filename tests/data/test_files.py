import errno
import os
import socket
from pathlib import Path

import pytest

from striate.data.files import file_bytes, shown, write_atomically
from striate.errors import DataError


def test_what_is_written_is_what_is_read(tmp_path):
    path = tmp_path / "new" / "file"
    write_atomically(path, b"one", memoryview(b" two"))
    assert file_bytes(path, most=7) == b"one two"
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"gone: there is no such file"):
        file_bytes(tmp_path / "gone", most=1)


def test_a_folder_a_pipe_a_socket_and_a_device_are_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="pipe: is a pipe, not a file"):
        file_bytes(tmp_path / "pipe", most=1)
    with pytest.raises(DataError, match="is a folder, not a file"):
        file_bytes(tmp_path, most=1)
    with pytest.raises(DataError, match="null: is a device, not a file"):
        file_bytes(Path(os.devnull), most=1)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "s"))
        with pytest.raises(DataError, match="s: cannot be opened"):
            file_bytes(tmp_path / "s", most=1)


def test_a_loop_of_links_and_an_impossible_name_are_refused(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(DataError, match="loop: cannot be opened"):
        file_bytes(tmp_path / "loop", most=1)
    with pytest.raises(DataError, match="cannot be opened"):
        file_bytes(Path("null\0byte"), most=1)


def test_a_link_to_nothing_is_told_from_a_missing_file_and_one_to_elsewhere_is_read(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "outside").write_bytes(b"found")
    (tmp_path / "in/good").symlink_to(tmp_path / "outside")
    (tmp_path / "in/dangling").symlink_to("nowhere")
    assert file_bytes(tmp_path / "in/good", most=5) == b"found"
    with pytest.raises(DataError, match="dangling: is a link to a file that does not exist. Mend or remove it."):
        file_bytes(tmp_path / "in/dangling", most=5)


def test_a_folder_named_like_a_picture_and_links_to_pipes_are_refused(tmp_path):
    (tmp_path / "x.jpg").mkdir()
    with pytest.raises(DataError, match=r"x\.jpg: is a folder, not a file"):
        file_bytes(tmp_path / "x.jpg", most=1)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "y.jpg").symlink_to(tmp_path / "pipe")
    with pytest.raises(DataError, match=r"y\.jpg: is a pipe, not a file"):
        file_bytes(tmp_path / "y.jpg", most=1)


@pytest.mark.parametrize(
    "name", [b"n" * 255, b"new\nline", b"\xff\xfe.jpg", "e\u0301".encode(), "\u202egpj.x".encode()]
)
def test_files_of_odd_names_are_read_and_a_name_that_is_too_long_is_refused(tmp_path, name):
    path = tmp_path / os.fsdecode(name)
    path.write_bytes(b"found")
    assert file_bytes(path, most=5) == b"found"
    with pytest.raises(DataError, match="is larger than 4 bytes") as refusal:
        file_bytes(path, most=4)
    assert str(refusal.value).isprintable()
    with pytest.raises(DataError, match="cannot be opened"):
        file_bytes(tmp_path / ("n" * 256), most=1)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission_is_refused(tmp_path):
    (tmp_path / "locked").write_bytes(b"")
    (tmp_path / "locked").chmod(0)
    with pytest.raises(DataError, match="locked: cannot be opened .Permission denied"):
        file_bytes(tmp_path / "locked", most=1)


def test_a_file_larger_than_asked_for_is_refused(tmp_path):
    (tmp_path / "big").write_bytes(b"12345")
    with pytest.raises(DataError, match="big: is larger than 4 bytes, the most that is read"):
        file_bytes(tmp_path / "big", most=4)


@pytest.mark.parametrize("name", ["new\nline", "right\u202eleft", os.fsdecode(b"\xff\xfe")])
def test_an_odd_name_stays_one_printable_line(name):
    assert shown(Path(name)).isprintable()
    assert shown(Path(name)).encode()


def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "model"
    path.write_bytes(b"old")

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DataError, match=r"model: cannot be written \(No space left on device\)"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_a_file_is_named(tmp_path):
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(DataError, match="inside: cannot be written"):
        write_atomically(tmp_path / "taken" / "inside", b"")
