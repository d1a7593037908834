"""Networks made quick give what they gave before, and are given up where they do not."""

import pytest
import torch
from torch import nn

from striate.analysis.analyse import analyse
from striate.data.preprocess import Preprocess
from striate.errors import ConfigError, DataError, UnknownName
from striate.features.asked import Asked, from_part
from striate.features.folded import folded
from striate.features.fused import ACTIVATIONS, Fused, fuse, there
from striate.features.stream import QUICK_PAYS, Stream
from striate.model import Model
from striate.networks import build, refer

IMAGE = (3, 32, 32)


def learned(net):
    """`net` whose batch norms have seen something."""
    net.train()
    with torch.no_grad():
        for _ in range(20):
            net(torch.randn(8, *IMAGE))
    return net.eval()


def model_of(net, classes=10):
    return Model(net, tuple(map(str, range(classes))), Preprocess(IMAGE, (0.5,) * 3, (0.25,) * 3, "resize"), refer(net))


def pictures(count):
    some = torch.randint(256, (count, *IMAGE), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    return some, [Asked(str(i), lambda preprocess, each=each: each) for i, each in enumerate(some)]


@pytest.fixture(autouse=True)
def same_weights():
    torch.manual_seed(0)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_fused_convolution_gives_what_the_two_layers_give(activation):
    if not there():
        pytest.skip("this torch has no fused convolution")
    for groups, kernel, stride, bias in ((1, 1, 1, True), (1, 3, 2, False), (16, 5, 2, True), (4, 3, 1, True)):
        convolution = nn.Conv2d(16, 32, kernel, stride, kernel // 2, groups=groups, bias=bias)
        x = 5 * torch.randn(3, 16, 13, 11)
        with torch.inference_mode():
            wanted = activation()(convolution(x))
            for best_for in (1, 3, 32):
                fused = Fused(convolution, (best_for, 16, 13, 11), *ACTIVATIONS[activation])
                assert torch.allclose(fused(x), wanted, atol=1e-5)


class Shared(nn.Module):
    """One activation for three places, of which the second also reads what is added later."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 8, 1)
        self.relu, self.last = nn.ReLU(inplace=True), nn.Linear(8, 10)

    def forward(self, x):
        x = self.relu(self.a(x))
        kept = self.b(x)
        x = self.relu(kept.clone()) + kept
        return self.last(self.relu(self.c(x)).mean((2, 3)))


class Reshaped(nn.Module):
    """What `view` cannot do where pixels lie last."""

    def __init__(self):
        super().__init__()
        self.conv, self.last = nn.Conv2d(3, 4, 3), nn.Linear(3600, 10)

    def forward(self, x):
        x = self.conv(x)
        return self.last(x.view(len(x), -1))


class ReadsItsLayers(nn.Module):
    """What asks its convolution for more than to be called."""

    def __init__(self):
        super().__init__()
        self.conv, self.last = nn.Conv2d(3, 4, 3), nn.Linear(4, 10)

    def forward(self, x):
        x = self.conv(x)[..., : -self.conv.kernel_size[0]]
        return self.last(x.mean((2, 3)) * self.conv.weight.mean())


class SeesTheOrder(nn.Module):
    """What gives something else where pixels lie last."""

    def __init__(self):
        super().__init__()
        self.conv, self.last = nn.Conv2d(3, 4, 3), nn.Linear(4, 10)

    def forward(self, x):
        x = self.conv(x)
        return self.last(x.mean((2, 3)) * x.stride(1))


def watched():
    """A convolution whose weights a hook makes anew at each call, as torch's older weight norm does."""
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10))
    net[0].register_forward_pre_hook(lambda module, given: module.weight.data.fill_(0.5))
    return net


NETWORKS = {
    "a layer that is read": ReadsItsLayers,
    "a layer that is watched": watched,
    "the order in memory": SeesTheOrder,
    "response norm": lambda: nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.LocalResponseNorm(5), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 10)
    ),
    "resnet18": lambda: build("resnet18", IMAGE, 10),
    "efficientnet_lite0": lambda: build("efficientnet_lite0", IMAGE, 10),
    "notation": lambda: build("[(conv-bn-relu)*2-pool]*2-fc", IMAGE, 10),
    "a shared activation": Shared,
    "view": Reshaped,
    "norm before the activation and a branch": lambda: nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.SiLU(), nn.Conv2d(8, 8, 3, padding="same"), nn.ReLU6(),
        nn.Conv2d(8, 8, 3, padding=1, padding_mode="reflect"), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(8, 10),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_the_quick_way_gives_what_the_network_gives(name):
    model = model_of(learned(NETWORKS[name]()))
    some, asked = pictures(QUICK_PAYS + 5)
    before = {key: value.clone() for key, value in model.net.state_dict().items()}
    found = torch.cat([chunk.rows for chunk in Stream(model, threads=2).of(asked)])
    wanted = model.outputs(some)
    assert torch.allclose(found, wanted, atol=1e-4 * float(wanted.abs().max()))
    seen = torch.cat([chunk.rows for chunk in Stream(model, "features", threads=2).of(asked)])
    plain = model.features(some)
    assert torch.allclose(seen, plain, atol=1e-4 * float(plain.abs().max()))
    assert all(torch.equal(value, before[key]) for key, value in model.net.state_dict().items())


def test_activations_are_fused_where_they_can_be_and_nowhere_else():
    if not there():
        pytest.skip("this torch has no fused convolution")
    counts = {}
    for name, make in NETWORKS.items():
        net = make().eval()
        layers = analyse(net, IMAGE).layers
        counts[name] = fuse(folded(net, layers), layers, IMAGE, 4)
    assert counts["notation"] == 4
    assert counts["a shared activation"] == counts["view"] == counts["a layer that is watched"] == 0
    assert counts["norm before the activation and a branch"] == 1
    assert counts["efficientnet_lite0"] >= 25


def test_the_order_is_that_of_the_pictures_whatever_the_number_of_threads(monkeypatch):
    monkeypatch.setattr("striate.features.stream.at_once", lambda image, device: 20)
    model = model_of(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(3600, 10)))
    _, asked = pictures(700)
    given = [list(Stream(model, threads=threads).of(iter(asked))) for threads in (1, 3)]
    for chunks in given:
        assert [file for chunk in chunks for file in chunk.files] == [str(i) for i in range(700)]
    assert torch.equal(*(torch.cat([chunk.rows for chunk in chunks]) for chunks in given))


def test_what_cannot_be_read_is_left_out_with_its_reason():
    def damaged(preprocess):
        raise DataError("it is damaged")

    def strange(preprocess):
        raise ZeroDivisionError("by zero")

    model = model_of(nn.Sequential(nn.Flatten(), nn.Linear(3072, 10)))
    some, asked = pictures(4)
    (chunk,) = Stream(model).of([asked[0], Asked("a", damaged), asked[1], Asked("b", strange)])
    assert chunk.reasons == {1: "it is damaged", 3: "b: cannot be read (ZeroDivisionError: by zero)."}
    assert torch.allclose(chunk.rows, model.outputs(some[:2]), atol=1e-6)
    (chunk,) = Stream(model).of([Asked("a", damaged)])
    assert len(chunk.rows) == 0


def test_named_layers_are_as_they_are_before_their_norms_are_folded():
    net = learned(
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(3600, 10))
    )
    model = model_of(net)
    some, asked = pictures(QUICK_PAYS + 1)
    for layer in ("0", "1"):
        found = torch.cat([chunk.rows for chunk in Stream(model, "features", layer).of(asked)])
        assert torch.allclose(found, model.features(some, layer).mean((2, 3)), atol=1e-5)
    with pytest.raises(UnknownName, match="no layer called '9'"):
        Stream(model, "features", "9")


def test_a_layer_without_bfloat16_is_told():
    class Full(nn.Module):
        def forward(self, x):
            return torch.linalg.qr(x.mean(1))[1][:, 0, :10]

    with pytest.raises(ConfigError, match="precision is bfloat16, which a layer does not know"):
        list(Stream(model_of(Full()), precision="bfloat16").of(pictures(2)[1]))


def test_parts_in_memory_and_in_files_have_names(tmp_path, few_digits):
    from PIL import Image

    from striate.data.read import read

    for i, name in enumerate(("a", "a", "b", "b")):
        (tmp_path / name).mkdir(exist_ok=True)
        Image.fromarray(few_digits.test.images[i, 0].numpy()).save(tmp_path / name / f"{i}.png")
    files = read(tmp_path).whole()
    assert {one.file for one in from_part(files, "train")} == {str(p) for p in tmp_path.rglob("*.png")}
    assert [one.file for one in from_part(few_digits.test.take(slice(0, 2)), "test")] == ["test 0", "test 1"]
