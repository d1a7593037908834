"""Answers for a folder of pictures by the loop that people write: Pillow, torch, eager float32; prints one JSON line.

For each file: open, RGB, resize the shorter side to 256, the middle 224, to a tensor, normalise; batches of `--batch`
go through the network under no_grad, and the five most probable classes are kept. The network is the same module.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from predict_striate import network

MEAN = torch.tensor((0.485, 0.456, 0.406)).view(3, 1, 1)
STD = torch.tensor((0.229, 0.224, 0.225)).view(3, 1, 1)


def prepared(path):
    picture = Image.open(path).convert("RGB")
    width, height = picture.size
    scale = 256 / min(width, height)
    picture = picture.resize((round(width * scale), round(height * scale)), Image.BILINEAR)
    left, top = (picture.width - 224) // 2, (picture.height - 224) // 2
    picture = picture.crop((left, top, left + 224, top + 224))
    pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 255
    return (pixels - MEAN) / STD


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--net", default="resnet18")
    parser.add_argument("--batch", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(2)
    net, files = network(options.net), sorted(options.folder.rglob("*.jpg"))
    answers = []
    with torch.no_grad():
        net(torch.stack([prepared(file) for file in files[: options.batch]]))  # what is made once
        begun = time.perf_counter()
        for start in range(0, len(files), options.batch):
            batch = torch.stack([prepared(file) for file in files[start : start + options.batch]])
            answers += net(batch).softmax(1).topk(5).indices.tolist()
        seconds = time.perf_counter() - begun
    best = [top[0] for top in answers]
    version = f"torch {torch.__version__}, Pillow {Image.__version__}"
    print(json.dumps({"pictures": len(files), "seconds": seconds, "answers": best, "version": version}))


if __name__ == "__main__":
    main()
