"""Small networks of every kind, and pictures whose cause is known."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Functional(nn.Module):
    """Everything between the layers is a function, and one layer is used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 4, 3, padding=1)
        self.twice = nn.Conv2d(4, 4, 3, padding=1)
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu_(self.first(x))
        x = self.twice(F.relu(self.twice(x)))
        return self.fc(F.relu(x).mean((2, 3)))


class Modules(Functional):
    """The same network, its ReLUs modules, each used once."""

    def __init__(self) -> None:
        super().__init__()
        self.relus = nn.ModuleList(nn.ReLU() for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        x = self.relus[0](self.first(x))
        x = self.twice(self.relus[1](self.twice(x)))
        return self.fc(self.relus[2](x).mean((2, 3)))


def plain(axes: int = 2, *, inplace: bool = False, channels: int = 1) -> nn.Sequential:
    """conv-relu-pool-conv-relu-mean-linear in so many dimensions, with batch norm and dropout."""
    conv = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[axes - 1]
    norm = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)[axes - 1]
    pool = (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d)[axes - 1]
    mean = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d)[axes - 1]
    return nn.Sequential(
        *(conv(channels, 4, 3, padding=1), norm(4), nn.ReLU(inplace), pool(2)),
        *(conv(4, 6, 3, padding=1), nn.ReLU(inplace), mean(1), nn.Flatten(), nn.Dropout(), nn.Linear(6, 3)),
    )


def randomised(net: nn.Module, seed: int = 0) -> nn.Module:
    """`net` with random weights, biases and statistics, in double precision so that only faults differ."""
    draw = torch.Generator().manual_seed(seed)
    for name, value in net.double().state_dict().items():
        if name.endswith("running_var"):
            value.uniform_(0.5, 1.5, generator=draw)
        elif value.is_floating_point():
            value.normal_(0, 0.5, generator=draw)
    return net


PATTERNS = (
    torch.tensor(
        [
            [[1, 0, 1], [0, 1, 0], [1, 0, 1]],
            [[0, 1, 0], [1, 1, 1], [0, 1, 0]],
            [[1, 1, 1], [1, 0, 1], [1, 1, 1]],
            [[1, 1, 0], [1, 0, 0], [1, 1, 1]],
        ]
    )
    .repeat_interleave(2, 1)
    .repeat_interleave(2, 2)
)
SIDE, SIZE = 24, 6


def planted(count: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Noise with one of four patterns somewhere: (n, 1, 24, 24), the pattern (n,), and (n, 24, 24) of where it is."""
    draw = torch.Generator().manual_seed(seed)
    images = 0.25 * torch.randn(count, 1, SIDE, SIDE, generator=draw)
    targets = torch.randint(4, (count,), generator=draw)
    corners = torch.randint(SIDE - SIZE, (count, 2), generator=draw)
    where = torch.zeros(count, SIDE, SIDE, dtype=torch.bool)
    for i, (row, column) in enumerate(corners.tolist()):
        images[i, 0, row : row + SIZE, column : column + SIZE] += PATTERNS[targets[i]]
        where[i, row : row + SIZE, column : column + SIZE] = True
    return images, targets, where
