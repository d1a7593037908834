"""Answers for a folder of pictures by Striate, as `striate predict` gets them; prints one JSON line.

`--net`: the folder of a saved model, or a network with public weights.
"""

import argparse
import json
import time
from pathlib import Path


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--net", default="efficientnet_lite0")
    parser.add_argument("--precision", default="auto")
    options = parser.parse_args()
    import torch

    import striate
    from striate.verbs.predict import PredictSettings, answers, asked

    torch.set_num_threads(2)
    public = not Path(options.net).exists()
    named = {"net": options.net} if public else {"run": Path(options.net)}
    model, folders = asked(PredictSettings(files=[options.folder], **named))
    begun = time.perf_counter()
    found = list(answers(model, folders, precision=options.precision))
    seconds = time.perf_counter() - begun
    best = [answer.label for answer in found]
    version = f"striate {striate.__version__}, torch {torch.__version__}"
    print(json.dumps({"pictures": len(found), "seconds": seconds, "answers": best, "version": version}))


if __name__ == "__main__":
    main()
