"""Every odd or broken picture ends as right pixels or as a refusal that names the file, in silence."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from striate.data.decode import decode, decode_at_least, decode_with_notes, open_picture
from striate.data.files import shown
from striate.errors import DataError
from tests.data.odd_pictures import bombs, cases, damaged, places

ROOT = Path(__file__).parents[2]
CASES = {case.name: case for case in (*cases(), *bombs())}


def report(function, *lines):
    """What a fresh process prints that runs the lines after importing the cases; its stderr must stay empty."""
    code = "\n".join(
        (
            "import resource, sys, time, tracemalloc",
            "from striate.data.decode import decode",
            "from striate.errors import DataError",
            f"from odd_pictures import {function}",
            "def end(contents):",
            "    try: decode(contents, 'x')",
            "    except DataError as error: return str(error)",
            "def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024",
            *lines,
        )
    )
    path = os.pathsep.join((str(ROOT / "tests/data"), str(ROOT / "src")))
    done = subprocess.run(
        (sys.executable, "-c", code), capture_output=True, text=True, timeout=300, env=os.environ | {"PYTHONPATH": path}
    )
    assert done.stderr == ""
    assert done.returncode == 0
    return done.stdout.split("\n")[:-1]


def test_there_are_a_few_hundred_of_them_each_with_its_own_name():
    assert len(CASES) == len(cases()) + len(bombs()) > 500


@pytest.mark.parametrize("name", CASES)
def test_ends_as_right_pixels_or_a_named_refusal(name):
    case = CASES[name]
    if case.pixels is None:
        with pytest.raises(DataError, match=rf"^odd{case.suffix}: .*({case.says})") as refusal:
            decode(case.contents, f"odd{case.suffix}")
        assert str(refusal.value).isprintable()
        return
    decoded = decode_with_notes(case.contents, f"odd{case.suffix}")
    pixels = decoded.pixels.permute(1, 2, 0).numpy()
    assert pixels.shape == case.pixels.shape
    assert decoded.size == pixels.shape[:2]
    assert abs(pixels.astype(int) - case.pixels.astype(int)).max() <= case.tolerance
    for words in case.notes:
        assert any(words in note for note in decoded.notes), decoded.notes
    if not case.row:
        assert decoded.notes == ()


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.pixels is not None])
def test_asked_for_the_full_size_the_fast_way_gives_the_same(name):
    case = CASES[name]
    whole = decode_with_notes(case.contents, "x")
    fast = decode_at_least(case.contents, "x", whole.size)
    assert np.array_equal(fast.pixels, whole.pixels)
    assert (fast.notes, fast.size, fast.mode) == (whole.notes, whole.size, whole.mode)


def test_pipes_devices_loops_and_odd_names_end_the_same_way(tmp_path):
    for path, says in places(tmp_path):
        if not says:
            assert open_picture(path).shape == (3, 6, 8)
            continue
        with pytest.raises(DataError, match=says) as refusal:
            open_picture(path)
        assert str(refusal.value).startswith(shown(path))
        assert str(refusal.value).isprintable()


def test_none_writes_a_line_to_stderr_nor_takes_much_memory():
    lines = report(
        "cases",
        "decode(cases()[0].contents, 'x')",
        "before = peak()",
        "print(sum(end(case.contents) is None for case in cases()))",
        "print(peak() - before)",
    )
    assert int(lines[0]) == sum(case.pixels is not None for case in cases())
    assert float(lines[1]) < 64


def test_bombs_are_refused_or_defused_within_50_ms_and_64_mb():
    lines = report(
        "cases, bombs",
        "made = bombs()",
        "for case in cases(): end(case.contents)",
        "before = peak()",
        "for case in made:",
        "    took = []",
        "    for _ in range(3):",
        "        begin = time.perf_counter(); said = end(case.contents); took.append(time.perf_counter() - begin)",
        "    print(case.name, min(took), said is None, peak() - before, sep='|')",
    )
    assert len(lines) == len(bombs())
    for line in lines:
        name, seconds, read, grown = line.split("|")
        assert (read == "True") == (CASES[name].pixels is not None)
        assert float(seconds) < 0.05, line
        assert float(grown) < 64, line


@pytest.mark.parametrize("count", [600, pytest.param(10_000, marks=pytest.mark.slow)])
def test_files_with_random_damage_end_in_silence_and_soon(count):
    lines = report(
        "damaged",
        f"files = damaged({count}, {count})",
        "end(files[0][1])",
        "before, slowest, ends = peak(), 0, []",
        "for name, contents in files:",
        "    begin = time.perf_counter(); said = end(contents); slowest = max(slowest, time.perf_counter() - begin)",
        "    assert said is None or (said.startswith('x: ') and said.isprintable()), (name, said)",
        "    ends.append(said is None)",
        "print(len(ends), sum(ends), slowest, peak() - before)",
    )
    total, read, slowest, grown = map(float, lines[0].split())
    assert total == count
    assert 0 < read < count
    assert slowest < 5
    assert grown < 200


def test_each_rule_of_the_page_about_pixels_has_a_case():
    rows = re.findall(r"^\| ([^|]+?) +\|", (ROOT / "docs/pixels.md").read_text(encoding="utf-8"), re.MULTILINE)
    rules = set(rows) - {"what is found", "---"}
    tested = {case.row for case in CASES.values() if case.row}
    assert rules == tested


def test_damaged_files_are_not_all_alike():
    files = damaged(50)
    assert len({contents for _, contents in files}) > 45
