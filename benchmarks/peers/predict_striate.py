"""Answers for a folder of pictures by Striate, as `striate predict` gets them; prints one JSON line."""

import argparse
import json
import time
from pathlib import Path

import torch


def network(name):
    """A network with random weights that tell pictures apart: its batch norms have seen noise."""
    from striate.networks import build

    torch.manual_seed(0)
    net = build(name, (3, 224, 224), 1000).train()
    with torch.no_grad():
        for _ in range(3):
            net(torch.randn(4, 3, 224, 224))
    return net.eval()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--net", default="resnet18")
    parser.add_argument("--precision", default="float32")
    options = parser.parse_args()
    torch.set_num_threads(2)
    import striate
    from striate.data.preprocess import Preprocess
    from striate.model import Model
    from striate.networks import refer
    from striate.verbs.predict import answers

    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    prepare = Preprocess((3, 224, 224), mean, std, "centre", resize=256)
    model = Model(network(options.net), tuple(map(str, range(1000))), prepare, refer(options.net))
    begun = time.perf_counter()
    found = list(answers(model, [options.folder], precision=options.precision))
    seconds = time.perf_counter() - begun
    best = [int(answer.label) for answer in found]
    version = f"striate {striate.__version__}, torch {torch.__version__}"
    print(json.dumps({"pictures": len(found), "seconds": seconds, "answers": best, "version": version}))


if __name__ == "__main__":
    main()
