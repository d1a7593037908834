from math import inf

import pytest
import torch

from striate.metrics.rejection import energy, rejection_threshold


def test_the_energy_is_that_of_the_paper():
    logits = torch.tensor([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]])
    exponentials = logits.double().exp()
    assert energy(logits).tolist() == pytest.approx(exponentials.sum(1).log().tolist())


@pytest.mark.parametrize(("pictures", "rate"), [(19, 0.05), (100, 0.05), (100, 0.01), (30, 0.2)])
def test_new_known_pictures_are_rejected_at_most_as_often_as_asked_for(pictures, rate):
    chance = torch.Generator().manual_seed(0)
    rates = []
    for _ in range(400):
        scores = torch.randn(pictures, generator=chance).exp()
        fresh = torch.randn(2000, generator=chance).exp()
        rates.append(float((fresh < rejection_threshold(scores, rate)).double().mean()))
    mean = sum(rates) / len(rates)
    assert 0.5 * rate < mean < 1.12 * rate  # the bound holds in the mean; the rest is chance


def test_of_too_few_pictures_nothing_is_rejected():
    assert rejection_threshold(torch.arange(18.0)) == -inf
    assert rejection_threshold(torch.arange(19.0)) == 0


def test_mistakes_are_refused():
    with pytest.raises(ValueError, match="false_rejections is 5"):
        rejection_threshold(torch.zeros(3), 5)
