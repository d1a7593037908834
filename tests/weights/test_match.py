"""Which tensor goes where: by name, by name after a change, by order, and never by guessing."""

from pathlib import Path

import pytest
import torch
from other_packages import torchvision
from small_networks import held, small
from torch import nn

from striate.errors import WeightsError
from striate.weights.load import load_weights
from striate.weights.match import for_channels
from striate.zoo import networks

IMAGE = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(3))


def trained(**sizes):
    """A small network whose every number differs from what `small` starts with."""
    net = small(**sizes)
    for tensor in net.state_dict().values():
        if tensor.is_floating_point():
            tensor.add_(torch.rand(tensor.shape, generator=torch.Generator().manual_seed(1)))
    return net.eval()


def answers(net, images=IMAGE):
    with torch.no_grad():
        return net.eval()(images)


def renamed(state, **words):
    for old, new in words.items():
        state = {key.replace(old, new): value for key, value in state.items()}
    return state


class TestByName:
    def test_a_state_dict_of_the_same_network_is_loaded_to_the_bit(self):
        net, given = small(), trained()
        report = load_weights(net, held(given.state_dict()))
        assert torch.equal(answers(net), answers(given))
        assert report.mapping == tuple((key, key) for key in net.state_dict())
        assert (report.fresh, report.unused, report.notes) == ((), (), ())

    def test_a_network_on_the_meta_device_is_filled(self):
        with torch.device("meta"):
            net = small()
        given = trained()
        load_weights(net, held(given.state_dict()))
        assert torch.equal(answers(net), answers(given))
        assert all(parameter.requires_grad for parameter in net.parameters())

    @pytest.mark.parametrize("prefix", ["module.", "model.", "_orig_mod.", "module._orig_mod.", "net.backbone."])
    def test_what_wrappers_put_before_the_names_is_taken_off_and_told(self, prefix):
        net, given = small(), trained()
        report = load_weights(net, held({prefix + key: value for key, value in given.state_dict().items()}))
        assert torch.equal(answers(net), answers(given))
        assert report.notes == (f"'{prefix}' was taken off the names",)

    def test_files_from_before_2018_that_count_no_batches_are_loaded(self):
        net, given = small(), trained()
        state = {key: value for key, value in given.state_dict().items() if "num_batches" not in key}
        load_weights(net, held(state))
        assert torch.equal(answers(net), answers(given))
        assert net.bn1.num_batches_tracked == 0

    def test_the_last_layer_may_have_another_of_its_usual_names(self):
        net, given = small(), trained()
        report = load_weights(net, held(renamed(given.state_dict(), fc="last_linear")))
        assert torch.equal(answers(net), answers(given))
        assert report.notes == ("the last layer is called last_linear there and fc here",)

    def test_a_classifier_that_is_a_convolution_there_becomes_fully_connected(self):
        net, given = small(), trained()
        state = given.state_dict()
        state["fc.weight"] = state["fc.weight"][:, :, None, None]
        report = load_weights(net, held(state))
        assert torch.equal(answers(net), answers(given))
        assert report.notes == ("a fully connected layer is written as a convolution in one of the two",)

    def test_half_precision_becomes_that_of_the_network(self):
        net, given = small(), trained()
        load_weights(net, held({key: value.half() for key, value in given.state_dict().items()}))
        assert net.fc.weight.dtype == torch.float32
        assert torch.allclose(net.fc.weight, given.fc.weight, atol=1e-3)

    def test_values_that_are_no_numbers_are_told(self):
        state = trained().state_dict()
        state["fc.bias"] = torch.tensor([1.0, float("nan"), 2.0])
        report = load_weights(small(), held(state))
        assert report.notes == ("fc.bias hold values that are not numbers (NaN or infinite)",)

    def test_auxiliary_heads_that_the_network_has_not_are_left_out_and_told(self):
        state = {**trained().state_dict(), "aux1.fc.weight": torch.ones(3, 2), "AuxLogits.conv.bias": torch.ones(2)}
        report = load_weights(small(), held(state))
        assert report.unused == ("aux1.fc.weight", "AuxLogits.conv.bias")
        assert report.notes == ("its auxiliary heads are not used: this network has none",)


class TestAnotherNumberOfClasses:
    def test_keeps_all_but_the_last_layer(self):
        net, given = small(classes=7), trained()
        before = net.fc.weight.clone()
        report = load_weights(net, held(given.state_dict()), classes=7)
        assert torch.equal(net.conv1.weight, given.conv1.weight)
        assert torch.equal(net.fc.weight, before)
        assert report.fresh == ("fc.weight", "fc.bias")
        assert report.notes == ("it is for 3 classes; fc for 7 classes starts anew, all else is kept",)

    def test_draws_the_last_layer_where_the_network_lies_on_the_meta_device(self):
        with torch.device("meta"):
            net = small(classes=7)
        load_weights(net, held(trained().state_dict()), classes=7)
        assert answers(net).shape == (2, 7)
        assert net.fc.weight.abs().max() <= 0.5  # torch's own draw: 1 / sqrt(4 inputs)
        assert net.fc.weight.std() > 0

    def test_is_refused_where_it_was_not_asked_for(self):
        net = small(classes=7)
        with pytest.raises(WeightsError, match="for 3 classes, the network for 7: give classes=7 to keep all other"):
            load_weights(net, held(trained().state_dict()))

    def test_of_tensorflow_loses_the_background_in_front(self):
        net = small(classes=1000)
        given = trained(classes=1001)
        report = load_weights(net, held(given.state_dict()))
        assert torch.equal(net.fc.weight, given.fc.weight[1:])
        assert torch.equal(net.fc.bias, given.fc.bias[1:])
        assert report.notes == ("its first class is TensorFlow's background, which is left out",)


class TestAnotherNumberOfChannels:
    def test_a_grey_picture_is_answered_as_it_was_in_colour(self):
        net, given = small(channels=1), trained()
        report = load_weights(net, held(given.state_dict()))
        grey = IMAGE[:, :1]
        assert torch.allclose(answers(net, grey), answers(given, grey.expand(-1, 3, -1, -1)), atol=1e-5)
        assert report.notes == ("the kernels of conv1.weight were made for 3 channels and are summed for 1",)

    @pytest.mark.parametrize("channels", [2, 4, 6, 7])
    def test_more_channels_repeat_those_that_are_there_as_timm_does(self, channels):
        torchvision()  # timm needs it, and skips the test by name where it is missing
        timm = pytest.importorskip("timm.models._manipulate")
        kernels = torch.randn(4, 3, 5, 5)
        assert torch.equal(for_channels(kernels, channels), timm.adapt_input_conv(channels, kernels))
        assert torch.allclose(for_channels(kernels, 1), timm.adapt_input_conv(1, kernels), atol=1e-6)

    def test_a_colour_picture_is_answered_by_its_mean_where_the_weights_were_for_grey(self):
        net, given = small(), trained(channels=1)
        load_weights(net, held(given.state_dict()))
        assert torch.allclose(answers(net), answers(given, IMAGE.mean(1, keepdim=True)), atol=1e-5)


class TestByOrder:
    def test_unknown_names_in_the_order_of_the_network_are_matched_and_the_mapping_is_told(self):
        net, given = small(), trained()
        foreign = renamed(given.state_dict(), conv1="first", bn1="normal", fc="decide", weight="gamma")
        report = load_weights(net, held(foreign))
        assert torch.equal(answers(net), answers(given))
        assert report.by_order
        assert ("first.gamma", "conv1.weight") in report.mapping
        assert ("decide.bias", "fc.bias") in report.mapping
        lines = report.lines()
        assert lines[0].endswith("its names are unknown; the tensors were matched by order and shape, as follows.")
        assert "  normal.running_var -> bn1.running_var" in lines
        assert len(lines) == 1 + 7

    def test_vectors_of_one_shape_are_told_apart_by_their_roles(self):
        """The four vectors of batch normalisation in another order than ours: the shapes alone would fit."""
        given = trained().state_dict()
        order = [
            "conv1.weight",
            "bn1.bias",
            "bn1.weight",
            "bn1.running_mean",
            "bn1.running_var",
            "fc.weight",
            "fc.bias",
        ]
        foreign = renamed({key: given[key] for key in order}, conv1="a", bn1="b", fc="c")
        net = small()
        load_weights(net, held(foreign))
        assert torch.equal(net.bn1.bias, given["bn1.bias"])
        assert torch.equal(net.bn1.weight, given["bn1.weight"])

    def test_shapes_that_are_there_once_each_need_no_order(self):
        net = nn.Sequential(nn.Conv2d(1, 6, 5), nn.Flatten(), nn.Linear(96, 10))
        given = nn.Sequential(nn.Conv2d(1, 6, 5), nn.Flatten(), nn.Linear(96, 10))
        names = {"0.weight": "z.kernel", "0.bias": "z.b", "2.weight": "a.kernel", "2.bias": "a.b"}
        foreign = {names[key]: value for key, value in reversed(given.state_dict().items())}
        report = load_weights(net, held(foreign, ordered=False))
        assert torch.equal(net[2].weight, given[2].weight)
        assert dict(report.mapping)["z.kernel"] == "0.weight"

    def test_layers_of_one_shape_in_a_file_without_order_are_refused(self):
        net = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
        foreign = {
            "first.w": torch.ones(4, 4),
            "second.w": torch.ones(4, 4),
            "a.b": torch.ones(4),
            "b.b": torch.ones(4),
        }
        with pytest.raises(WeightsError, match="4 tensors share a shape with another, so nothing says which is which"):
            load_weights(net, held(foreign, ordered=False))

    def test_vectors_without_a_known_role_are_refused(self):
        net = nn.BatchNorm2d(4)
        foreign = {"p": torch.ones(4), "q": torch.ones(4), "r": torch.ones(4), "s": torch.ones(4)}
        with pytest.raises(WeightsError, match="does not fit"):
            load_weights(net, held(foreign))


class TestWhatDoesNotFit:
    def test_leaves_the_network_as_it_was(self):
        net = small()
        before = {key: value.clone() for key, value in net.state_dict().items()}
        with pytest.raises(WeightsError):
            load_weights(net, held({**trained().state_dict(), "extra.weight": torch.ones(2)}))
        assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())

    def test_is_told_in_groups_and_in_one_line(self):
        state = trained().state_dict()
        for key in ("bn1.weight", "bn1.bias", "fc.bias"):
            del state[key]
        state |= {f"extra{number}.weight": torch.ones(2) for number in range(5)}
        state["conv1.weight"] = torch.ones(4, 3, 5, 5)
        with pytest.raises(WeightsError) as caught:
            load_weights(small(), held(state, name="some.pth"), network_name="mine")
        assert str(caught.value) == (
            "some.pth: does not fit mine: 3 tensors are missing (bn1.*, fc.bias), 5 tensors are unexpected "
            "(extra0.weight, extra1.weight, extra2.weight, and 2 layers more), 1 have another shape (conv1.weight is "
            "(4, 3, 5, 5) and should be (4, 3, 3, 3)). It is the file of another network."
        )

    def test_names_the_network_of_the_zoo_that_it_fits(self):
        with torch.device("meta"):
            state, net = networks["resnet34"]().state_dict(), networks["resnet18"]()
        with pytest.raises(WeightsError, match="does not fit resnet18: .* The file fits resnet34: load it there."):
            load_weights(net, held(state), network_name="resnet18")

    def test_names_it_whatever_its_number_of_classes_and_its_prefix(self):
        with torch.device("meta"):
            state, net = networks["densenet121"](classes=7).state_dict(), networks["vgg11"]()
        state = {f"module.{key}": value for key, value in state.items()}
        with pytest.raises(WeightsError, match="The file fits densenet121: load it there."):
            load_weights(net, held(state), network_name="vgg11")

    def test_names_both_where_two_have_the_same_shapes(self):
        with torch.device("meta"):
            state, net = networks["resnet50"]().state_dict(), networks["resnet101"]()
        with pytest.raises(WeightsError, match="The file fits resnet50 and resnet50_v1"):
            load_weights(net, held(state), network_name="resnet101")

    def test_without_auxiliary_heads_is_sent_to_the_network_without_them(self):
        with torch.device("meta"):
            state, net = networks["googlenet_bn"]().state_dict(), networks["googlenet_bn_aux"]()
        with pytest.raises(WeightsError, match=r"missing \(aux1.*The file fits googlenet_bn: load it there"):
            load_weights(net, held(state), network_name="googlenet_bn_aux")
        wide = {**small().state_dict()}
        net = small()
        net.add_module("aux1", nn.Linear(3, 3))
        with pytest.raises(WeightsError, match="has no auxiliary heads: load it into the network without them"):
            load_weights(net, held(wide))

    def test_a_name_with_a_line_break_stays_on_its_line(self):
        with pytest.raises(WeightsError) as caught:
            load_weights(small(), held({"a\nb.weight": torch.ones(1)}))
        assert "\n" not in str(caught.value)


class TestTheTwoResNets:
    """v1 and v1.5 have the same names and shapes: only the name of a file can tell them apart."""

    @pytest.mark.parametrize(
        ("network", "file", "warned"),
        [
            ("resnet50_v1", "resnet50-0676ba61.pth", True),  # torchvision's
            ("resnet50_v1", "gluon_resnet50_v1b.pth", True),
            ("resnet50_v1", "resnet50_v1.5.pth", True),
            ("resnet50_v1", "resnet50_v1.pth", False),
            ("resnet50_v1", "mine.pth", False),
            ("resnet50", "resnet50_v1.pth", True),
            ("resnet50", "resnet50-caffe.pth", True),
            ("resnet50", "resnet50_v1.5.pth", False),
            ("resnet50", "resnet50-0676ba61.pth", False),
            ("resnet50", "my_conv1_weights.pth", False),
        ],
    )
    def test_a_file_whose_name_speaks_of_the_other_one_is_told(self, network, file, warned):
        from striate.weights.mismatch import other_stride

        said = other_stride(held({}, name=file), network)
        assert (said is not None) is warned
        if said:
            assert "which has the same shapes" in said

    def test_the_warning_comes_with_the_report(self):
        with torch.device("meta"):
            net = networks["resnet50_v1"](classes=2)
        state = {key: torch.zeros(value.shape, dtype=value.dtype) for key, value in net.state_dict().items()}
        report = load_weights(net, held(state, name=str(Path("resnet50-0676ba61.pth"))), network_name="resnet50_v1")
        assert report.notes[-1].startswith("the name of the file speaks of resnet50, which has the same shapes")
