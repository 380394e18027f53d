"""Small lines without axes, as points of an SVG."""

from collections.abc import Sequence

WIDTH, HEIGHT = 120, 28
_MARGIN = 2


def draw_line(values: Sequence[float]) -> str:
    """The `points` of a polyline in a box of WIDTH by HEIGHT; flat at the foot without any."""
    if len(values) < 2:
        return ""
    most = max(values) or 1
    step = WIDTH / (len(values) - 1)
    room = HEIGHT - 2 * _MARGIN
    return " ".join(
        f"{index * step:.1f},{HEIGHT - _MARGIN - room * value / most:.1f}"
        for index, value in enumerate(values)
    )
