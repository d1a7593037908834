"""What the words of the notation build."""

import pytest
import torch
from torch import nn

from striate.errors import NotationError, ShapeError
from striate.layers.branches import Branches
from striate.layers.skip import Skip
from striate.notation import build, looks_like, read

IMAGE = (3, 32, 32)


def built(text, image=IMAGE, classes=10, **letters):
    with torch.device("meta"):
        return build(text, image, classes, letters=letters)


def names(net):
    return [name for name, _ in net.named_children()]


def parameters(net):
    return sum(p.numel() for p in net.parameters())


def gives(net, image=IMAGE):
    return tuple(net(torch.empty(2, *image, device="meta")).shape[1:])


class TestTheLectures:
    def test_the_pattern_of_deck_000_builds_what_it_says(self):
        net = built("[(CONV-RELU)*N-POOL?]*M-(FC-RELU)*K,SOFTMAX", N=2, M=3, K=1)
        kinds = [type(layer).__name__ for layer in net]
        assert kinds == ["Conv2d", "ReLU", "Conv2d", "ReLU", "MaxPool2d"] * 3 + ["Flatten", "Linear", "ReLU", "Softmax"]
        assert [layer.out_channels for layer in net if isinstance(layer, nn.Conv2d)] == [32, 32, 64, 64, 128, 128]
        assert gives(net) == (10,)

    def test_pool_with_a_question_mark_is_there_unless_it_is_said_to_be_left_out(self):
        assert "pool1" in names(built("conv-pool?-fc"))
        assert "pool1" not in names(built("conv-pool?-fc", POOL=0))

    def test_k_may_be_0_as_the_deck_says(self):
        assert names(built("conv-relu-(fc-relu)*K-softmax", K=0)) == ["conv1", "relu1", "softmax1"]

    def test_the_lecture_s_lenet_5_has_61_706_parameters(self):
        text = "conv 6 5 p2 - relu - pool - conv 16 5 p0 - relu - pool - fc 120 - relu - fc 84 - relu - fc"
        assert parameters(built(text, (1, 28, 28))) == 61_706

    def test_deck_003_s_simple_network_has_17_404_parameters(self):
        assert parameters(built("conv 3 3 p0-relu-conv 3 3 p0-relu-fc", (1, 28, 28))) == 17_404

    def test_deck_000_s_six_5x5_filters_have_456_parameters_and_give_28x28x6(self):
        net = built("conv 6 5 p0")
        assert parameters(net) == 456
        assert gives(net) == (6, 28, 28)

    def test_deck_004_s_seven_5x5_layers_take_32x32_to_4x4_and_an_eighth_does_not_fit(self):
        assert gives(built("(conv 8 5 p0)*7")) == (8, 4, 4)
        with pytest.raises(ShapeError, match="row 'conv8'.* window of 5, but only 4"):
            built("(conv 8 5 p0)*8")

    def test_deck_003_s_separable_convolution_has_27_and_192_weights(self):
        net = built("sep 64 3 p0 nobias", (3, 224, 224))
        assert [tuple(p.shape) for p in net.parameters()] == [(3, 1, 3, 3), (64, 3, 1, 1)]
        assert gives(net, (3, 224, 224)) == (64, 222, 222)


class TestDefaults:
    def test_widths_start_at_32_and_double_after_each_pool_up_to_512(self):
        net = built("[conv-pool]*5-conv", (3, 64, 64))
        assert [layer.out_channels for layer in net if isinstance(layer, nn.Conv2d)] == [32, 64, 128, 256, 512, 512]

    def test_a_width_that_is_written_holds_for_the_convolutions_behind_it(self):
        net = built("conv 20-relu-conv-pool-conv")
        assert [layer.out_channels for layer in net if isinstance(layer, nn.Conv2d)] == [20, 20, 40]

    def test_the_last_fully_connected_layer_gives_the_classes_and_the_others_128(self):
        net = built("conv-fc-relu-fc", classes=7)
        assert [layer.out_features for layer in net if isinstance(layer, nn.Linear)] == [128, 7]

    @pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5, 6, 7])
    def test_a_convolution_without_padding_written_keeps_the_size_for_every_kernel(self, kernel):
        assert gives(built(f"conv 8 {kernel}")) == (8, 32, 32)

    @pytest.mark.parametrize("kernel", [2, 3, 4, 5, 7])
    def test_with_stride_2_it_halves_an_even_size(self, kernel):
        assert gives(built(f"conv 8 {kernel} s2")) == (8, 16, 16)

    @pytest.mark.parametrize(("size", "half"), [(32, 16), (33, 17), (31, 16)])
    def test_same_with_a_stride_gives_the_size_over_the_stride_rounded_up(self, size, half):
        assert gives(built("conv 8 3 s2 same", (3, size, size)), (3, size, size)) == (8, half, half)

    @pytest.mark.parametrize("sizes", ["", "3", "4", "2", "4 s4 d1", "5 s2", "3 s1", "3 s3"])
    def test_a_transposed_convolution_multiplies_the_size_by_its_stride(self, sizes):
        stride = 4 if "s4" in sizes else 3 if "s3" in sizes else 1 if "s1" in sizes else 2
        assert gives(built(f"deconv 8 {sizes}")) == (8, 32 * stride, 32 * stride)

    def test_flatten_is_put_where_a_fully_connected_layer_needs_it_and_nowhere_else(self):
        assert names(built("conv-gap-fc")) == ["conv1", "gap1", "flatten1", "fc1"]
        assert names(built("conv-flatten-fc-fc")) == ["conv1", "flatten1", "fc1", "fc2"]

    def test_inside_res_a_convolution_is_as_wide_as_what_comes_in(self):
        res = built("conv 20-pool-res(conv-relu-conv)")[-1]
        assert isinstance(res, Skip)
        assert [tuple(p.shape[:2]) for p in res.parameters() if p.dim() == 4] == [(20, 20), (20, 20)]


def test_an_even_same_kernel_pads_below_and_to_the_right_and_with_a_caret_above_and_to_the_left():
    picture = torch.arange(9.0).reshape(1, 1, 3, 3)
    kernel = torch.tensor([[[[0.0, 1.0], [2.0, 3.0]]]])
    answers = {}
    for text in ("conv 1 2 same nobias", "conv 1 2 same^ nobias"):
        net = build(text, (1, 3, 3), 10)
        net[-1].weight.data = kernel
        answers[text[9:]] = net(picture)[0, 0].tolist()
    # deck 004, vector 31: one row of zeros on top and one column on the left
    assert answers["same^ nobias"] == [[0, 3, 8], [9, 19, 25], [21, 37, 43]]
    assert answers["same nobias"] == [[19, 25, 10], [37, 43, 16], [7, 8, 0]]


@pytest.mark.parametrize(
    ("text", "kind", "settings"),
    [
        ("conv 63 3 s2 p1 d2 g3", nn.Conv2d, {"stride": (2, 2), "padding": (1, 1), "dilation": (2, 2), "groups": 3}),
        ("conv 6 5x3 p2x1", nn.Conv2d, {"kernel_size": (5, 3), "padding": (2, 1)}),
        ("conv 6 stride=2 kernel 5", nn.Conv2d, {"kernel_size": (5, 5), "stride": (2, 2)}),
        ("conv 6 nobias", nn.Conv2d, {"bias": None}),
        ("dw 5 s2", nn.Conv2d, {"groups": 3, "out_channels": 3, "kernel_size": (5, 5), "stride": (2, 2)}),
        ("pw 6", nn.Conv2d, {"kernel_size": (1, 1), "padding": (0, 0), "out_channels": 6}),
        ("tconv 6 4 s2", nn.ConvTranspose2d, {"padding": (1, 1), "stride": (2, 2)}),
        ("deconv 6 3 s2 p1 o1", nn.ConvTranspose2d, {"output_padding": (1, 1)}),
        ("pool", nn.MaxPool2d, {"kernel_size": (2, 2), "stride": (2, 2)}),
        ("maxpool 3 s2 p1", nn.MaxPool2d, {"kernel_size": (3, 3), "stride": (2, 2), "padding": (1, 1)}),
        ("pool 3 s2 ceil", nn.MaxPool2d, {"kernel_size": (3, 3), "ceil_mode": True}),
        ("avgpool 3 s2", nn.AvgPool2d, {"kernel_size": (3, 3), "stride": (2, 2)}),
        ("gap 7", nn.AdaptiveAvgPool2d, {"output_size": (7, 7)}),
        ("gmp 1", nn.AdaptiveMaxPool2d, {"output_size": (1, 1)}),
        ("lrn 3", nn.LocalResponseNorm, {"size": 3}),
        ("BN", nn.BatchNorm2d, {"num_features": 3}),
        ("dropout .3", nn.Dropout, {"p": 0.3}),
        ("lrelu 0.1", nn.LeakyReLU, {"negative_slope": 0.1}),
        ("softmax", nn.Softmax, {"dim": 1}),
        ("up 3 bilinear", nn.Upsample, {"scale_factor": (3.0, 3.0), "mode": "bilinear"}),
        ("pad 1+2x0", nn.ZeroPad2d, {"padding": (0, 0, 1, 2)}),
    ],
)  # fmt: skip
def test_the_sizes_behind_a_word_reach_the_layer(text, kind, settings):
    (layer,) = built(text)
    assert type(layer) is kind
    assert {name: getattr(layer, name) for name in settings} == settings


@pytest.mark.parametrize(
    "activation",
    ["relu6", "elu", "tanh", "sigmoid", "prelu", "gelu", "silu", "selu", "mish", "hswish", "softplus", "id"],
)
def test_every_activation_keeps_the_shape(activation):
    assert gives(built(f"conv 4-{activation}")) == (4, 32, 32)


def test_layers_of_our_own_have_words():
    assert gives(built("conv 6-maxout 3-local 4 3-se 2")) == (4, 30, 30)
    assert parameters(built("local 4 3", (2, 5, 5))) == 9 * 4 * 2 * 9 + 9 * 4


def test_unpool_puts_the_maxima_back_where_the_pool_before_it_found_them():
    net = build("pool-unpool", (1, 2, 2), 10)
    assert net(torch.tensor([[[[1.0, 2.0], [4.0, 3.0]]]])).tolist() == [[[[0.0, 0.0], [4.0, 0.0]]]]
    assert gives(built("conv 8-pool-conv-pool-conv-unpool-conv-unpool")) == (8, 32, 32)


def test_res_adds_and_concat_joins():
    net = build("res(id)", (1, 2, 2), 10)
    assert net(torch.ones(1, 1, 2, 2)).sum() == 8
    joined = built("concat(conv 4 1, conv 6 3-relu, pool 3 s1 p1)")[0]
    assert isinstance(joined, Branches)
    assert gives(built("concat(conv 4 1, conv 6 3-relu, pool 3 s1 p1)")) == (13, 32, 32)
    assert gives(built("conv 8-res(conv 16 3 s2-norm; pw s2)")) == (16, 16, 16)


@pytest.mark.parametrize("image", [(2, 20), (2, 20, 24), (2, 8, 8, 8)])
def test_signals_pictures_and_volumes_take_the_same_words(image):
    text = "conv 8-norm-relu-pool-dw 3-sep 12-res(conv-relu-conv)-concat(conv 4 1, avgpool 3 s1 p1)"
    net = built(f"{text}-deconv 4-up 2-se 2-gap-fc", image)
    assert gives(net, image) == (10,)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("conv-relu-fc", "CONV → ReLU → FC"),
        ("conv-relu-fc", "conv -> relu -> fc"),
        ("conv-relu-fc", "conv – relu — fc"),
        ("conv-relu", "conv,relu"),
        ("(conv-relu)*2-fc", "[conv-relu]×2-fc"),
        ("(conv-relu)*2-fc", "(conv-relu) x 2 - fc"),
        ("conv*2-fc", "conv-conv-fc"),
        ("conv*2*2", "conv*4"),
        ("conv 64 5-fc 20", "conv64 5-fc20"),
        ("conv 6 5x3-fc", "CONV 6 5X3-FC"),
    ],
)
def test_several_ways_of_writing_are_the_same(one, other):
    assert repr(built(one)) == repr(built(other))


def test_rows_are_named_by_their_word_and_number_so_that_a_state_dict_can_be_read():
    keys = list(built("conv 4-res(conv)-concat(conv 2, conv 2)-fc").state_dict())
    assert [key for key in keys if key.endswith("weight")] == [
        "conv1.weight",
        "res1.body.conv1.weight",
        "concat1.branch1.conv1.weight",
        "concat1.branch2.conv1.weight",
        "fc1.weight",
    ]


def test_a_network_of_1_000_rows_is_read_and_built():
    assert len(built("(conv 8-relu)*500-fc")) == 1002


def test_a_row_knows_its_word_in_the_text():
    text = "conv 6 5 - res(relu-conv)*2 - fc"
    reading = read(text, IMAGE, 10)
    word = reading.word(("res2", "body", "conv1"))
    assert text[slice(*word.span)] == "conv"
    assert text[slice(*reading.word(("flatten1",)).span)] == "fc"


@pytest.mark.parametrize("text", ["conv-relu", "conv 64", "[conv]*2", "cnv-relu-fc", "fc", "res(conv)"])
def test_a_notation_looks_like_one(text):
    assert looks_like(text)


@pytest.mark.parametrize("text", ["resnet50", "ResNet-50", "lenet5_1998", "vgg16", "mobilenet v1", "net.py:build"])
def test_a_name_does_not(text):
    assert not looks_like(text)


def test_a_picture_without_pixels_is_refused():
    with pytest.raises(ShapeError, match="the picture is 3x0x32; each of its sides must be at least 1"):
        built("conv-fc", (3, 0, 32))


def test_what_does_not_fit_is_a_shape_error_that_names_the_row_and_the_arithmetic():
    with pytest.raises(ShapeError) as caught:
        built("conv 8 - res(conv 8-pool) - fc")
    assert caught.value.path == ("res1",)
    assert caught.value.parts == ((8, 16, 16), (8, 32, 32))
    assert caught.value.formula == "8x16x16 ≠ 8x32x32"


def test_a_missing_letter_names_the_option_that_gives_it():
    with pytest.raises(NotationError, match="N stands for a number that is not given: say --N 2"):
        built("(conv-relu)*N-fc")
