import re

import numpy
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from striate.errors import RunError
from striate.zoo import networks

SCRIPT = "<script>alert(1)</script> & <b>"


def addresses(page):
    """Everything that a browser would fetch or go to."""
    names = ("src", "srcset", "href", "action", "poster", "data")
    return [a[name] for _, a in page.elements for name in names if name in a]


def test_the_page_says_how_good_the_network_is_and_how_sure_that_is(make_run, make_page):
    page = make_page(make_run())
    assert "Of 100 pictures that it had never seen, it got 95.0 % right." in page.text
    assert "95 % interval 88.8 to 97.8 %" in page.text  # scipy.stats.binomtest(95, 100).proportion_ci(method="wilson")
    assert "5 mistakes in 100" in page.text
    assert "12.5 s of training, 2 epochs" in page.text
    assert "235 parameters" in page.text  # 4 (9 + 1) + 3 (64 + 1)


def test_the_page_needs_nothing_but_itself(make_run, make_page):
    page = make_page(make_run())
    assert addresses(page)
    assert all(address.startswith(("data:", "#")) for address in addresses(page))
    assert "url(" not in page.html
    assert "@import" not in page.html
    assert not page.all("script")
    assert "default-src 'none'" in page.all("meta", **{"http-equiv": "Content-Security-Policy"})[0]["content"]


def test_every_link_of_the_page_leads_somewhere(make_run, make_page):
    page = make_page(make_run())
    places = {a["id"] for _, a in page.elements if "id" in a}
    assert {a["href"].removeprefix("#") for a in page.all("a")} <= places


def test_every_picture_says_in_words_what_it_is(make_run, make_page):
    assert all(a["alt"] for a in make_page(make_run()).all("img"))


def test_names_from_files_are_text_and_never_markup(make_run, make_page):
    classes = (SCRIPT, "</style>", "'\"{{ 7 * 7 }}")
    run = make_run(
        classes=classes, facts={"data": SCRIPT, "device": SCRIPT, "precision": SCRIPT, "training_examples": 3}
    )
    run.config.write_text(f"# {SCRIPT}\n")
    page = make_page(run, title=SCRIPT, commands=(SCRIPT,))
    assert "<script" not in page.html
    assert page.html.count("</style>") == 1
    assert all(name in page.text for name in classes)


def test_the_mistakes_are_shown_with_truth_answer_and_how_sure_it_was(make_run, make_page):
    run = make_run(image=(3, 8, 8))
    page = make_page(run)
    assert len(re.findall(r"75.0 % sure", page.text)) == 5
    assert "eel taken for cat" in page.text


def test_a_colour_picture_reaches_the_page_pixel_by_pixel(make_run, make_page, colours_of):
    run = make_run(image=(3, 8, 8))
    shown = [a for a in make_page(run).all("img") if a["alt"].startswith("Picture 95 of those held out: eel")]
    assert (colours_of(shown[0]["src"]) == load_file(run.evaluation)["worst_images"][0].permute(1, 2, 0).numpy()).all()


def test_the_kernels_are_shown_before_and_after_in_the_same_colours(make_run, make_page):
    run = make_run()
    net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Flatten(), nn.Linear(256, 3))
    save_file({**load_file(run.evaluation), "initial_kernels": net[0].weight.detach() / 1.0}, run.evaluation)
    page = make_page(run, net)
    for k in range(1, 5):
        before, after = page.all("img", alt=f"Kernel before training {k}"), page.all("img", alt=f"Kernel {k}")
        assert len(before) == len(after) == 1
        assert before[0]["src"] == after[0]["src"]


def test_every_layer_of_lenet5_has_its_maps_on_the_page(make_run, make_page):
    run = make_run(image=(1, 28, 28), classes=tuple("0123456789"))
    page = make_page(run, networks["lenet5"]())
    for words, maps in (("Convolution", 6 + 16), ("ReLU", 6 + 16), ("Max pooling", 6 + 16)):
        assert len([a for a in page.all("img") if a["alt"].startswith(f"{words}, map")]) == maps
    assert [a["alt"] for a in page.all("img") if " values of " in a["alt"]] == [
        "120 values of Fully connected", "120 values of ReLU", "84 values of Fully connected", "84 values of ReLU",
        "10 values of Fully connected",
    ]  # fmt: skip
    assert "6 patterns of 5 × 5 slide over the picture." in page.text


def test_what_colours_stand_for_numbers_has_its_own_colours_on_dark_pages(make_run, make_page, colours_of):
    page = make_page(make_run())
    before = zip(page.elements, page.elements[1:], strict=False)
    pairs = [(img, source["srcset"] if tag == "source" else None) for (tag, source), (t, img) in before if t == "img"]
    for img, dark in pairs:
        if img["alt"].startswith(("Picture", "The picture")):
            assert dark is None
        else:
            light_here, dark_here = (colours_of(address).sum(2).ravel() for address in (img["src"], dark))
            assert numpy.corrcoef(light_here, dark_here)[0, 1] < 0, "what stands out is dark on light and light on dark"
    assert len(pairs) == len(page.all("img"))


def test_the_layer_table_has_a_row_a_layer(make_run, make_page):
    text = make_page(make_run()).text
    assert "1 0 Conv2d 3x3, padding 1 4 × 8 × 8 40 2 304 3 × 3" in text  # 4·8·8 places, 9 multiply-adds each
    assert "5 4 Linear 64 to 3 3 195 192" in text


def test_configuration_versions_and_commands_are_there_to_do_it_again(make_run, make_page):
    text = make_page(make_run(facts={"seed": 7, "versions": {"torch": "2.13.0"}})).text
    for words in ('data = "animals"', "striate report here", "seed 7", "torch 2.13.0", "ab" * 32):
        assert words in text


def test_a_run_without_held_out_pictures_says_so(make_run, make_page):
    run = make_run(evaluation={})
    page = make_page(run)
    assert "No pictures were held out" in page.text
    assert not page.all("section", id="mixed")


def test_a_run_that_was_stopped_says_so(make_run, make_page):
    log = [{"event": "step", "step": 1, "epoch": 1, "loss": 2.0, "accuracy": 0.1}]
    assert "did not finish. It ended before its first epoch was over" in make_page(make_run(log=log)).text
    stopped = [*log, {"event": "epoch", "epoch": 1, "loss": 2.0, "accuracy": 0.1}, {"event": "done", "stopped": True}]
    assert "did not finish. It ended after 1 epoch;" in make_page(make_run(log=stopped)).text
    assert "did not finish" not in make_page(make_run()).text


def test_losses_that_are_not_numbers_are_counted_and_not_drawn(make_run, make_page):
    step = {"event": "step", "epoch": 1, "accuracy": 0.1}
    log = [{**step, "step": k, "loss": loss} for k, loss in enumerate((2.0, 1.5, float("nan"), float("inf"), None), 1)]
    page = make_page(make_run(log=log))
    assert "3 logged steps had a loss that is not a number." in page.text
    assert not re.search(
        r"\b(nan|inf)\b", " ".join(a.get("d", "") for a in page.all("path")) + page.text, re.IGNORECASE
    )


def test_an_empty_log_leaves_the_curves_out(make_run, make_page):
    assert not make_page(make_run(log=[])).all("section", id="curves")


def test_a_network_without_convolutions_says_so(make_run, make_page):
    page = make_page(make_run(), nn.Sequential(nn.Flatten(), nn.Linear(64, 3)))
    assert "This network has no convolution, so it has no kernels to show." in page.text


def test_a_network_that_makes_no_mistake_is_told_as_such(make_run, make_page):
    run = make_run()
    answers = load_file(run.evaluation)
    none = {"worst_index": answers["worst_index"][:0], "worst_images": answers["worst_images"][:0]}
    save_file({**answers, **none, "predicted": answers["labels"].clone()}, run.evaluation)
    page = make_page(run)
    assert "it got 100 % right" in page.text
    assert "95 % interval 96.3 to 100 %" in page.text
    assert "None: all 100 pictures were answered right." in page.text


def test_a_very_deep_network_shows_layers_evenly_and_says_so(make_run, make_page):
    layers = [layer for _ in range(30) for layer in (nn.Conv2d(1, 1, 3, padding=1), nn.ReLU())]
    page = make_page(make_run(), nn.Sequential(*layers, nn.Flatten(), nn.Linear(64, 3)))
    assert "24 of 61 layers are shown, evenly chosen." in page.text
    assert "The other 22 layers" in page.text  # of the table's 62, 40 are open


def test_a_thousand_classes_and_wide_maps_stay_within_8_megabytes(make_run, make_page):
    chance = torch.Generator().manual_seed(0)
    labels, predicted = torch.randint(1000, (2, 5000), generator=chance)
    noise = torch.randint(256, (34, 3, 96, 96), generator=chance, dtype=torch.uint8)
    run = make_run(
        image=(3, 96, 96),
        classes=tuple(f"class {k}" for k in range(1000)),
        evaluation={
            "labels": labels, "predicted": predicted, "probability": torch.rand(5000),
            "true_probability": torch.rand(5000),
            "worst_index": torch.arange(24), "worst_images": noise[:24].clone(), "sample_images": noise[24:].clone(),
            "sample_labels": torch.arange(10),
        },
    )  # fmt: skip
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 24, 3, padding=1), *(nn.Conv2d(24, 24, 3, padding=1, groups=24) for _ in range(24))]
    page = make_page(run, nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 1000)))
    assert len(page.html.encode()) < 8_000_000
    (heat,) = (a for a in page.all("img") if a["alt"] == "Confusion matrix of 1000 classes")
    assert heat["width"] == heat["height"] == "250"


def test_an_unwritable_page_is_refused_and_the_folder_stays_as_it_was(make_run, make_page):
    run = make_run()
    run.report.mkdir()
    before = sorted(p.name for p in run.folder.iterdir())
    with pytest.raises(RunError, match=r"report.html: cannot be written \(.*\); what was there is kept"):
        make_page(run)
    assert sorted(p.name for p in run.folder.iterdir()) == before


def test_writing_the_page_leaves_the_network_as_it_was(make_run, make_page):
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout(), nn.Flatten(), nn.Linear(72, 3)).train()
    net[1].eval()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    make_page(make_run(), net)
    assert [layer.training for layer in net] == [True, False, True, True, True]
    assert all(value.equal(before[key]) for key, value in net.state_dict().items())
