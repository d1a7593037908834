"""`python -m striate.cli` is the command `striate`."""

import sys

from striate.cli import main

sys.exit(main())
