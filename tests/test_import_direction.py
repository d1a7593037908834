"""The floors of the house: a room imports only rooms of lower floors."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import striate

SOURCE = Path(striate.__file__).parent
FLOORS = (
    {"errors", "arithmetic", "registry", "atomic", "palette", "settings", "solving"},
    {"misfit", "shapes"},
    {"rows"},
    {"layers", "geometry"},
    {"zoo", "notation", "analysis", "explain", "metrics", "export"},
    {"weights", "data", "networks", "repair", "run"},
    {"tasks", "pretrained"},
    {"model"},
    {"features"},
    {"training"},
    {"reports"},
    {"verbs", "estimator"},
    {"cli", "serve", "studio"},
    {"__main__"},
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
SAME_FLOOR = {  # the few neighbours that may look at each other, and why
    ("settings", "registry"): "a mistyped setting is offered the nearest name",
    ("settings", "errors"): "errors are the ground everything stands on",
    ("registry", "errors"): "errors are the ground everything stands on",
    ("solving", "errors"): "errors are the ground everything stands on",
    ("solving", "arithmetic"): "solving is arithmetic read backwards",
    ("repair", "networks"): "a repair is tried by building it",
    ("weights", "data"): "weights say how pictures are prepared, and lie in the same cache folder",
}


def room(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """The rooms that a file imports, whether at its top or inside a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module == "striate":
            names = [f"striate.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("striate.")}
    return found - {"__version__"}


FILES = [path for path in sorted(SOURCE.rglob("*.py")) if path != SOURCE / "__init__.py"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_file_imports_only_rooms_of_lower_floors(path):
    here = room(path)
    assert here in FLOOR, f"{here} stands on no floor: give it one in FLOORS"
    wrong = {
        other
        for other in imports(path)
        if other != here and FLOOR[other] >= FLOOR[here] and (here, other) not in SAME_FLOOR
    }
    assert not wrong, f"{here} is on floor {FLOOR[here]} and imports {', '.join(sorted(wrong))}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_file_is_longer_than_300_lines(path):
    assert len(path.read_text().splitlines()) <= 300


def test_importing_striate_imports_no_torch():
    code = "import sys, striate; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_help_imports_no_torch():
    code = (
        "import sys\nfrom striate.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "sys.exit(3 if 'torch' in sys.modules else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "train" in done.stdout
