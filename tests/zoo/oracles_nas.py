"""timm's searched networks."""

from oracle import Oracle, timm_model

ORACLES = {
    "nasnet_a_large": Oracle(lambda: timm_model("nasnetalarge"), image=(3, 75, 75)),
    "pnasnet5_large": Oracle(lambda: timm_model("pnasnet5large"), image=(3, 75, 75)),
}
