"""Lets the tests of one command use what those of another define."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
