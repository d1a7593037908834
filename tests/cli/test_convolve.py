"""`striate convolve` as a person meets it: files, mistakes, and every command of its page."""

import json
import re
import shlex
import wave
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy import signal
from test_commands import run, wrong

from striate.data.read import read

PAGE = (Path(__file__).parents[2] / "docs" / "convolution.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^    striate (.*)$", PAGE, re.M)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a digit, a photograph of noise, a sound and a volume, in which the commands run."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(read("digits").test.images[0, 0].numpy()).save("digit.png")
    random = np.random.default_rng(0)
    Image.fromarray(random.integers(0, 256, (40, 30, 3), dtype=np.uint8)).save("photo.png")
    with wave.open("tone.wav", "wb") as file:
        file.setparams((2, 2, 8000, 0, "NONE", ""))
        file.writeframes((np.sin(np.arange(8000)) * 20000).astype("<i2").tobytes())
    np.save("ball.npy", random.random((8, 9, 10)).astype(np.float32))
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_page_does_what_it_says(command, folder, capsys):
    arguments = shlex.split(command)
    code, out, _ = run(capsys, *arguments, "--json")
    assert code == 0
    written = {
        a for a, before in zip(arguments[1:], arguments, strict=False) if before in ("-o", "--sheet", "--animate")
    }
    assert set(json.loads(out)["files"].values()) == written
    assert all((folder / path).stat().st_size > 0 for path in written)


@pytest.mark.parametrize("name", re.findall(r"\]\((pictures/[^)]+)\)", PAGE))
def test_the_pictures_of_the_page_are_there_and_small(name):
    assert 0 < (Path(__file__).parents[2] / "docs" / name).stat().st_size < 300_000


def test_the_python_of_the_page_gives_what_its_comment_says():
    code = re.search(r"```python\n(.*?)```", PAGE, re.S)[1]
    call, said = re.search(r"(striate\.convolve.*?)\s*# (.*)", code).groups()
    import striate

    assert eval(call, {"striate": striate}).tolist() == json.loads(said)


def test_the_page_names_every_kernel_there_is():
    from striate.explain.named_kernels import NAMES

    assert set(NAMES) <= set(re.findall(r"`(\w+)`", PAGE))


def test_json_tells_files_kernel_shapes_and_the_arithmetic(folder, capsys):
    command = ["convolve", "photo.png", "--kernel", "Sobel X", "--stride", "3x2", "--padding", "1", "-o", "e.png"]
    told = json.loads(run(capsys, *command, "--animate", "s.gif", "--grid", "4", "--json")[1])
    assert told["method"] == "convolution"
    assert told["kernel"] == "sobel_x"
    assert told["numbers"] == [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
    assert (told["mode"], told["stride"], told["picture"], told["result"]) == (
        "valid",
        [3, 2],
        [3, 40, 30],
        [3, 14, 15],
    )
    assert told["formula"][0] == "(40 + 2·1 − 3)/3 + 1 = 14"
    assert told["files"] == {"result": "e.png", "animation": "s.gif"}
    with Image.open("s.gif") as gif, Image.open("e.png") as result:
        assert gif.n_frames == told["frames"] == 4  # 4x3 numbers, windows 3 apart down and 2 across
        assert result.size == (15, 14)


def test_the_result_has_the_pixels_that_scipy_gives(folder, capsys):
    kernel = [[1, 2, 0], [0, 3, 0], [0, 1, 1]]
    assert run(capsys, "convolve", "photo.png", "--kernel", str(kernel), "--mode", "same", "-o", "r.npy")[0] == 0
    pixels = np.asarray(Image.open("photo.png")).transpose(2, 0, 1).astype(float)
    wanted = [signal.convolve2d(channel, kernel, mode="same") for channel in pixels]
    np.testing.assert_allclose(np.load("r.npy"), wanted, rtol=0, atol=1e-9)


def test_without_an_output_the_result_lies_here_and_is_named(folder, capsys):
    assert run(capsys, "convolve", "photo.png", "--kernel", "box")[0] == 0
    blurred = np.asarray(Image.open("photo_box.png")).astype(float)
    pixels = np.asarray(Image.open("photo.png")).astype(float)
    assert abs(blurred[0, 0, 0] - pixels[:3, :3, 0].mean()) <= 0.5


def test_how_many_numbers_are_cut_off_is_said(folder, capsys):
    out = run(capsys, "convolve", "photo.png", "--kernel", "sharpen", "-o", "s.png")[1]
    pixels = np.asarray(Image.open("photo.png")).astype(float)
    sharp = [signal.convolve2d(pixels[..., c], [[0, -1, 0], [-1, 5, -1], [0, -1, 0]], mode="valid") for c in range(3)]
    share = np.mean((np.array(sharp) < 0) | (np.array(sharp) > 255))
    assert f"{100 * share:.2g} % lie outside 0 to 255 and are cut off" in out


def test_signed_results_are_grey_where_nothing_changes(folder, capsys):
    Image.fromarray(np.repeat([[10] * 6 + [90] * 6], 8, 0).astype(np.uint8)).save("edge.png")
    out = run(capsys, "convolve", "edge.png", "--kernel", "sobel_x", "-o", "s.png")[1]
    assert "0 is mid-grey; −320 is black, 320 white" in out
    assert np.asarray(Image.open("s.png"))[0].tolist() == [128] * 4 + [1] * 2 + [128] * 4


def test_a_sound_is_filtered_channel_by_channel_and_keeps_its_kind(folder, capsys):
    assert run(capsys, "convolve", "tone.wav", "--kernel", "[0.5, 0.5]", "-o", "out.wav")[0] == 0
    before, after = (_samples(name) for name in ("tone.wav", "out.wav"))
    wanted = np.stack([signal.convolve(before[:, c], [0.5, 0.5], mode="valid") for c in range(2)], 1)
    assert np.abs(after - wanted).max() <= 0.5
    with wave.open("out.wav") as file:
        assert file.getparams()[:3] == (2, 2, 8000)


def test_a_sound_too_loud_is_made_quieter_and_says_so(folder, capsys):
    out = run(capsys, "convolve", "tone.wav", "--kernel", "[4]", "-o", "loud.wav")[1]
    assert "times as loud, so that none is cut off" in out
    assert np.abs(_samples("loud.wav")).max() in (32767, 32768)


def test_a_sound_is_plotted_where_a_picture_is_asked_for(folder, capsys):
    told = json.loads(run(capsys, "convolve", "tone.wav", "--kernel", "gaussian", "-o", "plot.png", "--json")[1])
    assert told["files"] == {"result": "plot.png"}
    with Image.open("plot.png") as plot:
        assert plot.width > 600


def _samples(name):
    with wave.open(name) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels()).astype(float)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["photo.png"], "kernel is missing. Write numbers, as [[1,0,-1]], or one of identity, box"),
        (["photo.png", "--kernel", "soble_x"], "there is no kernel called 'soble_x'. Did you mean sobel_x"),
        (["photo.png", "--kernel", "[1,0,-1]"], "is 1-D, a picture needs one that is 2-D. Write it as [[1, 0, -1]]."),
        (["tone.wav", "--kernel", "[[1]]"], "is 2-D, a sound needs one that is 1-D. Write it as [1, 0, -1]."),
        (["photo.png", "--kernel", "[[1,2],[3]]"], "is ragged"),
        (["photo.png", "--kernel", f"[{[1] * 31}]"], "the kernel 1×31 is larger than the picture, 40×30."),
        (["photo.png", "--kernel", "box", "-o", "photo.png"], "out is 'photo.png', which is the input itself."),
        (["photo.png", "--kernel", "box", "-o", "./photo.png"], "which is the input itself."),
        (["tone.wav", "--kernel", "box", "-o", "tone.wav"], "which is the input itself."),
        (["photo.png", "--kernel", "box", "-o", "x.png", "--sheet", "x.png"], "sheet is 'x.png', which is also out."),
        (["photo.png", "--kernel", "box", "-o", "file/x.png"], "cannot be written"),
        (["photo.png", "--kernel", "box", "-o", "x.gif"], "its name must end in .png"),
        (["photo.png", "--kernel", "box", "-o", ""], "its name must end in .png"),
        (["photo.png", "--kernel", "box", "-o", "folder.png"], "which is a folder"),
        (["photo.png", "--kernel", "box", "--animate", "x.png"], "its name must end in .gif"),
        (["none.png", "--kernel", "box"], "none.png: there is no such file."),
        (["text.png", "--kernel", "box"], "text.png: is not a JPEG, PNG"),
        (["text.wav", "--kernel", "box"], "text.wav: is not a WAV file of PCM samples"),
        (["text.npy", "--kernel", "box"], "text.npy: is not a sound .npy file of numbers"),
        (["objects.npy", "--kernel", "box"], "objects.npy: is not a sound .npy file of numbers"),
        (["--kernel", "box"], "IMAGE is missing. Give a file, or --animate steps.gif"),
        (["--kernel", "box", "--animate", "a.gif", "-o", "x.png"], "-o and --sheet need a picture."),
        (["ball.npy", "--kernel", "box", "--animate", "a.gif"], "an animation shows one or two dimensions"),
        (["tone.wav", "--kernel", "box", "--animate", "a.gif"], "only pictures are animated."),
        (["--kernel", "box", "--animate", "a.gif", "--grid", "40"], "too large to read as an animation"),
        (["photo.png", "--kernel", "box", "--stride", "two"], "stride is 'two'; it must be a whole number"),
        (["photo.png", "--kernel", "box", "--padding", "-1"], "padding"),
        (["photo.png", "--kernel", "box", "--size", "3"], "size belongs to a pooling"),
        (["photo.png", "--kernel", "box", "--operation", "max_pool"], "a pooling has no kernel."),
        (["photo.png", "--operation", "max_pool", "--correlate"], "correlate belongs to a convolution"),
        (["photo.png", "--operation", "max_pool", "--mode", "same"], "mode same belongs to a convolution"),
    ],
)
def test_a_mistake_costs_one_line_and_leaves_no_file(arguments, words, folder, capsys):
    (folder / "file").write_text("")
    (folder / "folder.png").mkdir()
    for ending in ("png", "wav", "npy"):
        (folder / f"text.{ending}").write_text("no such thing")
    np.save("objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert words in wrong(capsys, "convolve", *arguments)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_a_hard_link_to_the_picture_is_the_picture(folder, capsys):
    (folder / "link.png").hardlink_to(folder / "photo.png")
    assert "which is the input itself" in wrong(capsys, "convolve", "photo.png", "--kernel", "box", "-o", "link.png")


def test_the_choices_of_the_command_are_those_of_the_library():
    from striate.explain import operations, shown_values
    from striate.verbs import convolve

    assert convolve.OPERATIONS == operations.OPERATIONS
    assert convolve.MODES == operations.MODES
    assert convolve.VALUES == shown_values.VALUES
