"""Compare networks: what each costs and sees, and how much that is of the first one.

striate compare resnet50 mobilenet_v1
striate compare "conv 64 3 p0" --image 3x224x224 --equivalents
"""

from __future__ import annotations

from striate.cli.output import tell
from striate.training.config import letters_of
from striate.verbs.compare import CompareSettings, compare, equivalents

SETTINGS = CompareSettings


def main(settings: CompareSettings, as_json: bool) -> int:
    from striate.analysis.equivalents import equivalents_grid

    letters = letters_of(settings)
    found = compare(
        *settings.nets, image=settings.image, batch=settings.batch, classes=settings.classes, letters=letters
    )
    result, texts = found.as_json(), [found.text()]
    if settings.equivalents:
        for net in settings.nets:
            layers = equivalents(net, image=settings.image, classes=settings.classes, letters=letters)
            result["networks"][net]["convolutions"] = [layer.as_json() for layer in layers]
            texts.append(f"convolutions of {net}\n\n{equivalents_grid(layers).text()}")
    tell(result, "\n\n".join(texts), as_json)
    return 0
