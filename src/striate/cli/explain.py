"""Explain an answer by a map with its grade, or show what a network has inside.

Maps: grad_cam, grad_cam_plus_plus, saliency, smooth_grad, integrated_gradients, guided_backpropagation, deconvnet,
occlusion, centre_blob, edge_detector.

striate explain runs/flowers-1 photo.jpg -o why.png
striate explain efficientnet_lite0 photo.jpg --method all --target daisy
striate explain runs/flowers-1 --method kernels --layer conv1
striate explain efficientnet_lite0 photo.jpg --method activations
striate explain efficientnet_lite0 photo.jpg --method receptive_field --layer _blocks.2 --unit 5,10,10
striate explain efficientnet_lite0 --method exciting --data flowers --layer _blocks.3 --channel 7
striate explain runs/flowers-1 --method embedding --data flowers --projection tsne
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from striate.cli.output import tell
from striate.verbs.explain import ExplainSettings, explain

SETTINGS = ExplainSettings


def main(settings: ExplainSettings, as_json: bool) -> int:
    from striate.verbs.convolve_files import write_picture
    from striate.verbs.dream_files import check_output

    out, pictures = settings.out or Path("explain.png"), settings.pictures or []
    files = [out] if len(pictures) < 2 else [numbered(out, k) for k in range(1, len(pictures) + 1)]
    for file in files:
        check_output("explain", file, pictures)
    given = {f.name: getattr(settings, f.name) for f in fields(settings)}
    source = given.pop("source")
    for name in ("pictures", "out"):
        del given[name]
    found = explain(source, pictures, **given)
    for one, file in zip(found, files, strict=True):
        write_picture(file, one.image)
    told = [line for one, file in zip(found, files, strict=True) for line in one.as_json(file)]
    text = "\n".join("\n".join([*one.words, str(file)]) for one, file in zip(found, files, strict=True))
    tell(told[0] if len(told) == 1 else told, text, as_json)
    return 0


def numbered(out: Path, number: int) -> Path:
    """Where the sheet of picture `number` goes, counted from 1.

    >>> numbered(Path("explain.png"), 2).name
    'explain-2.png'
    """
    return out.with_name(f"{out.stem}-{number}{out.suffix}")
