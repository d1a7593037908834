"""torchvision, whose present builds are for a torch with CUDA."""

import torch


def torchvision():
    """The package, also where its compiled part is for another build of torch; or None."""
    try:
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    except RuntimeError:  # it is there already
        pass
    try:
        import torchvision.datasets
        import torchvision.io
        import torchvision.transforms.v2
    except (ImportError, RuntimeError):
        return None
    return torchvision
