"""Whether Keras can take part: its applications download their weights, and nothing is downloaded here."""

import json
from pathlib import Path

import keras

kept = sorted(path.name for path in (Path.home() / ".keras" / "models").glob("*.h5"))
if kept:
    said = (
        f"version {keras.__version__}; weights of {', '.join(kept)} are there, of other networks than the one measured"
    )
else:
    said = f"version {keras.__version__}; its weights would have to be downloaded, so it is not measured"
print(json.dumps({"said": said}))
