"""What is said of a network that does not fit, and what the fixes are."""

import copy
import json

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from striate.errors import NotationError, ShapeError
from striate.layers.branches import branches, chain
from striate.layers.skip import skip
from striate.notation import build
from striate.repair import diagnose
from striate.rows import conv, linear, norm, stack

IMAGE = (3, 32, 32)


def fixes(network, image=IMAGE, **options):
    return diagnose(network, image, **options).fixes


def said(network, image=IMAGE, **options):
    return [fix.said for fix in fixes(network, image, **options)]


class TestNotation:
    def test_the_page_s_example_names_the_row_the_arithmetic_and_three_fixes(self):
        found = diagnose("[(conv-relu)*2-pool]*6-fc", IMAGE)
        assert found.row == "pool6"
        assert found.problem == "A 2 × 2 window does not fit: the maps that arrive here are only 1 × 1."
        assert found.formula == "(1 + 2·0 − 2)/2 + 1 = 0.50, which is less than 1"
        assert found.span == (15, 19)
        assert [(fix.said, fix.notation, fix.image) for fix in found.fixes] == [
            ("Repeat 5 times, not 6", "[(conv-relu)*2-pool]*5-fc", IMAGE),
            ("Pad by 1", "[(conv-relu)*2-pool p1]*6-fc", IMAGE),
            ("Take 64 × 64 pictures", "[(conv-relu)*2-pool]*6-fc", (3, 64, 64)),
        ]

    @pytest.mark.parametrize(
        ("text", "formula", "fix", "repaired"),
        [
            ("conv 8 3 g2-fc", "3 mod 2 = 1, 8 mod 2 = 0", "Do not group", "conv 8 3 g1-fc"),
            ("conv 12 1-conv 9 3 g6", "12 mod 6 = 0, 9 mod 6 = 3", "Use 3 groups", "conv 12 1-conv 9 3 g3"),
            ("conv 8 40 p0-fc", "(32 + 2·0 − 40)/1 + 1 = −7, which is less than 1", "Pad by 4", "conv 8 40 p4-fc"),
            (
                "conv 8 3 p0 d16",
                "(32 + 2·0 − (16·(3−1) + 1))/1 + 1 = 0, which is less than 1",
                "Dilate by 15",
                "conv 8 3 p0 d15",
            ),
            ("pool 3 p2-fc", "2·2 = 4 > 3", "Pad by 1", "pool 3 p1-fc"),
            (
                "deconv 8 3 s1 p40",
                "(32−1)·1 − 2·40 + 1·(3−1) + 1 + 0 = −46, which is less than 1",
                "Cut 16 from each side",
                "deconv 8 3 s1 p16",
            ),
            ("deconv 8 3 s2 o5", "5 ≥ max(2, 1)", "Add 1 at the end", "deconv 8 3 s2 o1"),
            ("conv 5-maxout 2", "5 mod 2 = 1", "Let the layer above give 6 maps", "conv 6-maxout 2"),
            ("conv-flatten-pool-fc", "0 ≠ 2 spatial axes", "Leave flatten out", "conv-pool-fc"),
            ("pool-conv 9-unpool", "9x16x16 ≠ 3x16x16", "Let the body give 3 maps", "pool-conv 3-unpool"),
            ("fc 60-unflatten 4x4x4", "4·4·4 = 64 ≠ 60", "Let fc1 give 64 features", "fc 64-unflatten 4x4x4"),
        ],
    )
    def test_the_smallest_change_of_the_row_comes_first(self, text, formula, fix, repaired):
        found = diagnose(text, IMAGE)
        assert found.formula == formula
        assert (found.fixes[0].said, found.fixes[0].notation) == (fix, repaired)

    def test_a_skip_that_does_not_match_gets_a_projection(self):
        (first, *_) = fixes("conv 8-res(conv 16 3 s2-norm)-fc")
        assert first.said == "Put a 1 × 1 convolution to 16 maps with stride 2 on the way around"
        assert first.notation == "conv 8-res(conv 16 3 s2-norm; pw 16 s2)-fc"

    def test_a_skip_around_unpadded_convolutions_may_be_padded_instead(self):
        assert "conv 8-res(conv 8 3 p1-conv 8 3 p1)" in [
            fix.notation for fix in fixes("conv 8-res(conv 8 3 p0-conv 8 3 p0)")
        ]

    def test_branches_of_other_sizes_are_matched(self):
        assert [fix.notation for fix in fixes("concat(conv 16, pool)-fc")] == [
            "concat(conv 16, pool s1 same)-fc",
            "concat(conv 16, pool-gap 32x32)-fc",
            "concat(conv 16 s2, pool)-fc",
        ]

    def test_branches_inside_branches_are_found(self):
        found = diagnose("concat(conv 4 1, conv 4-concat(conv 4, pool 3 s2)-relu)", IMAGE)
        assert found.row == "concat1.branch2.concat1"
        assert found.fixes[0].notation == "concat(conv 4 1, conv 4-concat(conv 4, pool 3 s1 p1)-relu)"

    def test_several_mistakes_are_mended_together(self):
        (first, *_) = fixes("conv 8 g2-concat(conv 8, pool)-res(conv 5-pool)-fc")
        assert first.said.startswith(
            "Do not group; keep the size of the maps in branch2 at concat1; put a 1 × 1 convolution"
        )
        assert first.notation == "conv 8 g1-concat(conv 8, pool s1 same)-res(conv 5-pool; pw 5 s2)-fc"

    def test_a_letter_is_replaced_by_its_number(self):
        (first, *_) = fixes("(conv 8-pool)*N-fc", letters={"N": 7})
        assert (first.said, first.notation) == ("Repeat 5 times, not N = 7", "(conv 8-pool)*5-fc")

    def test_mistakes_in_reading_are_mended_too(self):
        found = diagnose("[(conv-rellu)*2-pool]*2-fc", IMAGE)
        assert isinstance(found.error, NotationError)
        assert [fix.notation for fix in found.fixes] == ["[(conv-relu)*2-pool]*2-fc", "[(conv-relu6)*2-pool]*2-fc"]
        assert said("[(conv-relu)*2-pool") == ["Add ] at the end"]

    def test_every_repeat_keeps_what_is_written_before_and_behind_it(self):
        assert "( conv 8 p0 -  pool )*3 - FC" in [fix.notation for fix in fixes("( conv 8 p0 -  pool )*9 - FC")]

    def test_pictures_that_are_not_square_grow_by_whole_factors(self):
        sizes = [fix.image for fix in fixes("(conv 8-pool)*6-fc", (3, 48, 32)) if fix.image != (3, 48, 32)]
        assert sizes == [(3, 96, 64)]

    @pytest.mark.parametrize("image", [(2, 40), (2, 12, 12, 12)])
    def test_signals_and_volumes_are_diagnosed_as_pictures_are(self, image):
        found = diagnose("conv 4 50 p0-concat(conv 4, pool)-gap-fc", image)
        assert found.row == "conv1"
        for fix in found.fixes:
            assert build(fix.notation, fix.image, 10)(torch.zeros(2, *fix.image)).shape == (2, 10)

    def test_a_sound_network_has_no_diagnosis(self):
        assert diagnose("[(conv-relu)*2-pool]*3-(fc-relu)*1-fc", IMAGE) is None

    def test_it_is_told_to_machines(self):
        told = json.loads(json.dumps(diagnose("[(conv-relu)*2-pool]*6-fc", IMAGE).as_json()))["error"]
        assert (told["row"], told["span"]) == ("pool6", [15, 19])
        assert told["fixes"][0] == {"said": "Repeat 5 times, not 6", "notation": "[(conv-relu)*2-pool]*5-fc"}
        assert told["fixes"][2]["image"] == [3, 64, 64]


class TestRows:
    def test_a_change_of_a_row_is_a_row(self):
        found = diagnose([conv(8, 40), nn.ReLU(), nn.Flatten(), linear(10)], IMAGE)
        assert found.row == "0"
        assert repr(found.fixes[0].rows[0]) == "conv(8, 40, padding=4)"
        assert found.as_json()["error"]["fixes"][0]["change"] == [{"row": "0", "becomes": "conv(8, 40, padding=4)"}]

    def test_a_missing_flatten_is_put_in(self):
        (first, *_) = fixes([conv(8, 3), linear(10)])
        assert [type(row).__name__ for row in first.rows] == ["conv", "Flatten", "linear"]

    def test_rows_inside_rows_are_changed_where_they_stand(self):
        network = {
            "stem": conv(8, 1),
            "mix": branches(a=conv(4, 1), b=chain(conv(4, 3), nn.ReLU())),
            "out": skip(conv(8, 3)),
        }
        (first, *_) = fixes(network)
        assert first.said.startswith("Keep the size of the maps in b; ")
        assert stack(first.image, **first.rows)(torch.zeros(1, *first.image)).shape[1:] == (8, 30, 30)

    def test_a_row_that_is_a_function_is_changed_in_what_it_builds(self):
        (first, *_) = fixes([conv(8, 3), lambda shape: nn.Conv2d(6, 4, 1)])
        assert first.said == "Let layer 1 take 8 channels"
        assert stack(IMAGE, *first.rows)[1].in_channels == 8

    def test_groups_that_torch_itself_refuses_are_explained_without_its_words(self):
        found = diagnose([conv(8, 3), lambda shape: nn.Conv2d(shape[0], 9, 3, groups=3)], IMAGE)
        assert found.problem == "its groups do not divide the maps of its input 8x30x30, or its own."
        assert found.fixes

    def test_the_weights_of_a_module_among_the_rows_are_not_touched(self):
        layer = nn.Conv2d(5, 4, 3)
        before = layer.weight.clone()
        assert fixes([conv(8, 3), layer, norm()])
        assert torch.equal(layer.weight, before)
        assert layer.training


class Lectures(nn.Module):
    """LeNet-5 as tutorials write it, for 32x32 pictures."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2 = nn.Linear(400, 120), nn.Linear(120, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc2(F.relu(self.fc1(self.flat(x))))

    def flat(self, x):
        return x.view(-1, 400)


class Unflattened(Lectures):
    def flat(self, x):
        return x


class WithoutBatch(Lectures):
    def flat(self, x):
        return torch.flatten(x)


class Block(nn.Module):
    def __init__(self, shortcut):
        super().__init__()
        self.conv, self.bn, self.shortcut = nn.Conv2d(8, 16, 3, 2, 1), nn.BatchNorm2d(16), shortcut

    def forward(self, x):
        around = x if self.shortcut is None else self.shortcut(x)
        return F.relu(self.bn(self.conv(x)) + around)


class TestModules:
    def test_a_reshape_that_does_not_fit_names_itself_and_asks_for_the_pictures_it_was_written_for(self):
        found = diagnose(Lectures(), (1, 28, 28))
        assert (found.row, found.formula) == ("view", "16·4·4 = 256 ≠ 400")
        assert found.fixes[0].image == (1, 32, 32)
        assert "Pad conv1 so that it keeps the size" in [fix.said for fix in found.fixes]

    def test_a_missing_flatten_is_put_above_the_layer_with_the_features_it_gives(self):
        (first, *_) = fixes(Unflattened(), (1, 28, 28))
        assert first.told["change"] == [
            {
                "module": "fc1",
                "becomes": "nn.Sequential(nn.Flatten(start_dim=1, end_dim=-1), "
                "nn.Linear(in_features=256, out_features=120, bias=True))",
            }
        ]

    def test_a_flatten_that_takes_the_batch_is_seen_through(self):
        found = diagnose(WithoutBatch(), (1, 32, 32))
        assert "one row of 800 values for all pictures" in found.problem
        assert found.fixes[0].module(torch.zeros(3, 1, 32, 32)).shape == (3, 10)

    @pytest.mark.parametrize("shortcut", [nn.Identity(), None])
    def test_a_shortcut_that_does_nothing_becomes_a_projection(self, shortcut):
        found = diagnose(Block(shortcut), (8, 8, 8))
        assert (found.row, found.formula) == ("add", "16x4x4 ≠ 8x8x8")
        assert found.fixes[0].said == "Make shortcut a 1 × 1 convolution to 16 maps with stride 2"
        assert found.fixes[0].module(torch.zeros(2, 8, 8, 8)).shape == (2, 16, 4, 4)

    @pytest.mark.parametrize(
        ("layers", "row", "formula", "first"),
        [
            ((nn.Conv2d(3, 8, 3), nn.Conv2d(6, 4, 3)), "1", "6 ≠ 8", "Let layer 1 take 8 channels"),
            ((nn.Conv2d(3, 8, 3), nn.BatchNorm2d(6)), "1", "6 ≠ 8", "Let layer 1 take 8 channels"),
            ((nn.ConvTranspose2d(4, 8, 2),), "0", "4 ≠ 3", "Let layer 0 take 3 channels"),
            ((nn.Conv2d(8, 8, 3, groups=4),), "0", "8 ≠ 3", "Let layer 0 take 3 channels"),
            ((nn.Flatten(), nn.Linear(300, 10)), "1", "300 ≠ 3072", "Let layer 1 take 3072 features"),
            ((nn.MaxPool2d(3, 1, 2),), "0", "2·2 = 4 > 3", "Pad by 1"),
            ((nn.Conv2d(3, 4, (3, 3, 3)),), "0", "3 ≠ 2", "Write 3 as kernel of all axes"),
            ((nn.AvgPool2d(33),), "0", "(32 + 2·0 − 33)/33 + 1 = 0.97, which is less than 1", "Pad by 1"),
            ((nn.GroupNorm(2, 4),), "0", "4 ≠ 3", "Let layer 0 take 3 channels"),
            ((nn.LayerNorm((30, 32)),), "0", "30x32 ≠ 32x32", "Let layer 0 take 32 × 32"),
            ((nn.PixelShuffle(2),), "0", "3 mod 4 = 3", "Put a 1 × 1 convolution to 4 maps above"),
            ((nn.Flatten(), nn.Unflatten(1, (4, 4, 4))), "1", "4·4·4 = 64 ≠ 3072", None),
            ((nn.Flatten(), nn.Conv2d(3, 4, 3)), "1", "0 ≠ 2 spatial axes", "Leave layer 0 out"),
        ],
    )  # fmt: skip
    def test_each_layer_of_torch_says_why_it_does_not_fit(self, layers, row, formula, first):
        found = diagnose(nn.Sequential(*layers), IMAGE)
        assert (found.row, found.formula) == (row, formula)
        assert first is None or found.fixes[0].said == first
        for fix in found.fixes:
            assert fix.module.eval()(torch.zeros(2, *fix.image)).shape[0] == 2

    def test_the_module_is_afterwards_as_it_was(self):
        net = Lectures().train()
        before, layers = copy.deepcopy(net.state_dict()), dict(net.named_modules())
        assert fixes(net, (1, 28, 28))
        assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
        assert dict(net.named_modules()) == layers
        assert net.training
        assert not net.conv1._forward_hooks
        assert not net.conv1._forward_pre_hooks

    def test_the_repaired_copy_keeps_the_weights_that_fit(self):
        net = Unflattened()
        repaired = fixes(net, (1, 28, 28))[0].module
        assert torch.equal(repaired.conv2.weight, net.conv2.weight)
        assert torch.equal(repaired.fc1.layer.bias, net.fc1.bias)

    def test_a_layer_that_stands_at_two_places_is_changed_at_both(self):
        shared = nn.Conv2d(8, 8, 9)
        found = diagnose(nn.Sequential(nn.Conv2d(3, 8, 3), shared, nn.ReLU(), shared, shared, shared), IMAGE)
        repaired = found.fixes[0].module
        assert repaired[1] is repaired[3] is repaired[5]

    def test_what_depends_on_data_is_left_alone(self):
        class Gate(nn.Module):
            def forward(self, x):
                return x.flatten(1)[:, : int(x.sum().item())]

        assert diagnose(Gate(), IMAGE) is None

    def test_a_module_that_runs_is_none_of_our_affair_whatever_it_gives(self):
        class Crops(nn.Module):
            def forward(self, x):
                return torch.cat([x, x])

        assert diagnose(Crops(), IMAGE) is None

    def test_the_error_is_one_of_ours(self):
        found = diagnose(Lectures(), (3, 32, 32))
        assert isinstance(found.error, ShapeError)
        assert (
            str(found)
            .splitlines()[0]
            .startswith("row 'conv1': Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1)) takes 1 channels")
        )
