"""Apply a kernel to a picture, a sound or a volume, and draw how: convolution, transposed convolution, pooling.

striate convolve photo.jpg --kernel sobel_x -o edges.png --sheet sheet.png
striate convolve --kernel "[[0,1],[2,3]]" --correlate --padding 1 --animate steps.gif
striate convolve --operation max_pool --size 2 --animate pooling.gif
striate convolve speech.wav --kernel "[0.25, 0.5, 0.25]" -o smooth.wav
"""

from __future__ import annotations

from striate.cli.output import tell
from striate.verbs.convolve import ConvolveSettings, convolved

SETTINGS = ConvolveSettings


def main(settings: ConvolveSettings, as_json: bool) -> int:
    done = convolved(settings)
    tell(done.as_json(), done.text(), as_json)
    return 0
