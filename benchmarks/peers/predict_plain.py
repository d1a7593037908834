"""Answers for a folder of pictures by the loop that people write: Pillow, torch, eager float32; prints one JSON line.

For each file: open, RGB, resize the shorter side, the middle (rounded as torchvision does), to a tensor, normalise;
batches of `--batch` go through the network under no_grad, and the five most probable classes are kept. The network is
the same, from the same file.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from striate.model import load


def prepared(path, like, mean, std):
    picture = Image.open(path).convert("RGB")
    width, height = picture.size
    side, shorter = like.resize or min(like.image[1:]), min(width, height)
    how = Image.BICUBIC if like.interpolation == "bicubic" else Image.BILINEAR
    picture = picture.resize((int(side * width / shorter), int(side * height / shorter)), how)
    _, down, across = like.image
    left, top = round((picture.width - across) / 2), round((picture.height - down) / 2)
    picture = picture.crop((left, top, left + across, top + down))
    pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1).float() / 255
    return (pixels - mean) / std


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--net", default="resnet18")
    parser.add_argument("--batch", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(2)
    model, files = load(options.net), sorted(options.folder.rglob("*.jpg"))
    net, like = model.net, model.preprocess
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (like.mean, like.std))
    answers = []
    with torch.no_grad():
        net(torch.stack([prepared(file, like, mean, std) for file in files[: options.batch]]))  # what is made once
        begun = time.perf_counter()
        for start in range(0, len(files), options.batch):
            batch = torch.stack([prepared(file, like, mean, std) for file in files[start : start + options.batch]])
            answers += net(batch).softmax(1).topk(5).indices.tolist()
        seconds = time.perf_counter() - begun
    best = [model.classes[top[0]] for top in answers]
    version = f"torch {torch.__version__}, Pillow {Image.__version__}"
    print(json.dumps({"pictures": len(files), "seconds": seconds, "answers": best, "version": version}))


if __name__ == "__main__":
    main()
