"""Find the learning rate that a network learns fastest with on your pictures.

striate rate digits --net lenet5 --plot rate.svg
"""

from __future__ import annotations

from striate.cli.output import remark, tell
from striate.verbs.rate import RateSettings, draw, rate, training_settings

SETTINGS = RateSettings


def main(settings: RateSettings, as_json: bool) -> int:
    chosen = training_settings(settings)
    found = rate(settings.data, settings.net, low=settings.low, high=settings.high, steps=settings.steps, **chosen)
    if settings.plot is not None:
        draw(found, settings.plot)
        remark(f"{settings.plot}")
    steps = len(found.rates)
    text = f"rate  {found.rate:.3g}, where the loss falls most steeply ({steps} steps, up to {found.rates[-1]:.3g})"
    result = {"rate": found.rate, "rates": list(found.rates), "losses": list(found.losses), "network": found.network}
    tell(result, text, as_json)
    return 0
