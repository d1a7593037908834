"""Loss and right answers, summed over steps."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Totals:
    """Sums over some steps, until they are told."""

    loss: float = 0.0
    right: int = 0
    pictures: int = 0

    def add(self, loss: float, right: int, pictures: int) -> None:
        self.loss += loss * pictures
        self.right += right
        self.pictures += pictures

    def means(self) -> tuple[float, float]:
        """Loss and accuracy a picture."""
        return self.loss / max(1, self.pictures), self.right / max(1, self.pictures)
