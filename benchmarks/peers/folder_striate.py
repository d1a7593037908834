"""An epoch of training input from a folder of JPEGs as Striate gets it; prints one JSON line.

Pictures by way of the loader, mirrored by chance, normalised to float32 as a network on this machine takes them.
`--unsafe` leaves out what makes reading safe, to measure what it costs: that a file is a regular one and did not
change, that it is no bomb, and that libjpeg's complaints are errors.
"""

import argparse
import functools
import json
import time
from pathlib import Path

import torch

import striate
from striate.data.loader import Loader
from striate.data.preprocess import Preprocess
from striate.data.read import read
from striate.data.transforms.flip import flip
from striate.training.allocator import keep_memory

PREPROCESS = Preprocess((3, 224, 224), (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), "resize")


def without_checks():
    import simplejpeg

    from striate.data import decode, jpeg, picture_files, seen

    picture_files.file_bytes = lambda path, most: path.open("rb").read()
    seen.Seen.changed = lambda self, index: None
    decode._check_size = jpeg.refuse_unread = jpeg.prove_possible = lambda *_: None
    simplejpeg.decode_jpeg = functools.partial(simplejpeg.decode_jpeg, strict=False)


def epoch(loader, number, batch):
    """Seconds and pictures of one epoch, in an order of its own."""
    generator = torch.Generator().manual_seed(number)
    begun = time.perf_counter()
    order = torch.randperm(len(loader.part), generator=generator)
    mirrored = torch.randint(2, (len(order),), generator=generator).bool()
    count = 0
    for given in loader.batches(order.split(batch)):
        pixels = flip(given.pixels, mirrored[given.index])
        count += len(PREPROCESS.normalise(pixels, memory_format=torch.channels_last))
    return time.perf_counter() - begun, count


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--memory", type=int, default=0, help="bytes")
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--unsafe", action="store_true")
    options = parser.parse_args()
    keep_memory()
    if options.unsafe:
        without_checks()
    pictures = read(options.folder).whole()
    with Loader(
        pictures, PREPROCESS, workers=options.workers, memory=options.memory, cache=options.cache, tell=print
    ) as loader:
        found = [epoch(loader, number, options.batch) for number in range(options.epochs)]
        if loader.unreadable:
            raise SystemExit(f"unreadable: {loader.unreadable}")
    seconds, counts = zip(*found, strict=True)
    version = f"striate {striate.__version__}, torch {torch.__version__}"
    print(json.dumps({"seconds": seconds, "pictures": counts[-1], "version": version}))


main()
