"""A bar code as PDF draws it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stencil:
    """Black modules of a bitmap, drawn with the current colour."""

    columns: int
    rows: int
    data: str
    """Rows padded to bytes, in hexadecimal."""

    def draw(self, x: float, y: float, width: float, height: float) -> str:
        """In points from the page's bottom left."""
        return (
            f"q {width:.3f} 0 0 {height:.3f} {x:.3f} {y:.3f} cm BI/W {self.columns}/H {self.rows}/BPC 1/IM true"
            f"/D[1 0]/F/AHx ID {self.data}> EI Q\n"
        )
