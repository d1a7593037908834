"""What is asked of the C library's allocator: to keep memory, and to give it back where it is short."""

import subprocess
import sys

import pytest

KEEPS = """
import torch
from striate.training.allocator import give_back, keep_memory

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 2**20

if not keep_memory():
    raise SystemExit("another C library")
before = resident()
def take():
    return [torch.ones(2**18) for _ in range(400)]
take()
kept = resident() - before
give_back()
print(kept, resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="it is glibc's")
def test_memory_is_kept_until_it_is_short():
    done = subprocess.run([sys.executable, "-c", KEEPS], capture_output=True, text=True, check=False)
    if "another C library" in done.stderr:
        pytest.skip("the C library is not glibc")
    kept, short = map(float, done.stdout.split())
    assert kept > 350  # MiB, of the 400 that were taken and freed
    assert short < 50
