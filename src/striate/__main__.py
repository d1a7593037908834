"""`python -m striate` is the command `striate`; torchrun starts it so: `torchrun ... -m striate train ...`."""

import sys

from striate.cli import main

sys.exit(main())
