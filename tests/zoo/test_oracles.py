"""With the same weights, our networks give the outputs of torchvision's and timm's, to 1e-5 of the largest."""

from importlib import import_module
from pathlib import Path

import pytest
import torch
from oracle import Oracle, randomised

from striate.zoo import networks

FILES = sorted(file.stem for file in Path(__file__).parent.glob("oracles_*.py"))
ORACLES: dict[str, Oracle] = {name: oracle for file in FILES for name, oracle in import_module(file).ORACLES.items()}


@pytest.mark.parametrize(
    ("name", "oracle"),
    [pytest.param(n, o, id=n, marks=[pytest.mark.slow] * o.slow) for n, o in ORACLES.items()],
)
def test_it_gives_the_outputs_of_an_independent_implementation_with_the_same_weights(name, oracle):
    dtype = torch.float64 if oracle.float64 else torch.float32
    with torch.device("meta"):
        theirs = oracle.build()
        ours = networks[name](image=oracle.image)
    theirs = randomised(theirs, dtype)
    ours.load_state_dict(oracle.translated(theirs.state_dict()), assign=True)
    image = torch.randn(1, *oracle.image, dtype=dtype, generator=torch.Generator().manual_seed(1))

    with torch.no_grad():
        expected, found = theirs(image), ours.eval()(image)

    size = expected.abs().max()
    assert torch.isfinite(size)
    assert expected.std() > 1e-3 * size, "a constant output could not tell a wrong network"
    torch.testing.assert_close(found / size, expected / size, rtol=0, atol=1e-5)
