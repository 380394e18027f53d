"""`python -m local.pins.world [VERSION]`: makes the map of the pages anew, out of npm's packages.

Natural Earth's countries, drawn by the Equal Earth projection and cut through the Bering Strait.
What is too small for the coarse map is a dot.
"""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from math import asin, cos, radians, sin, sqrt
from pathlib import Path
from typing import Any

from local.pins.lists import NotToBeHad, fetch, read_member

FILE = Path(__file__).resolve().parents[2] / "dashboard" / "static" / "dashboard" / "world.svg"
ATLAS, ATLAS_VERSION = "world-atlas", "2.0.2"
CODES, CODES_VERSION = "i18n-iso-countries", "7.14.0"
WIDTH = 2_000
DOT = 7  # a radius, of WIDTH

# Between Asia and America: no country lies on both sides.
CUT_LONGITUDE = -168.7
_LEFT_OUT = ("AQ",)
_KOSOVO = "XK"
# Of the Equal Earth projection.
_A = (1.340264, -0.081106, 0.000893, 0.003796)

Point = tuple[float, float]
Ring = Sequence[Point]


def main(version: str = ATLAS_VERSION) -> int:
    try:
        text = draw_world(version)
    except NotToBeHad as error:
        print(f"{error}\nNothing was changed.", file=sys.stderr)
        return 1
    FILE.write_text(text)
    print(f"{FILE.name}: {len(text):,} characters")
    return 0


def draw_world(version: str) -> str:
    """The map as SVG: a path or a circle for each country, with its code as id."""
    with tempfile.TemporaryDirectory() as folder:
        names = read_member(fetch(f"{CODES}@{CODES_VERSION}", Path(folder)), "codes.json")
    with tempfile.TemporaryDirectory() as folder:
        packed = fetch(f"{ATLAS}@{version}", Path(folder))
        coarse, fine = (read_member(packed, f"countries-{scale}.json") for scale in ("110m", "50m"))
    codes = {number: code for code, _, number, *_ in names}
    shapes = dict(list_countries(coarse, codes))
    small = {code: rings for code, rings in list_countries(fine, codes) if code not in shapes}
    points = [point for rings in shapes.values() for ring in rings for point in ring]
    points += [middle(max(rings, key=len)) for rings in small.values()]
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    top, bottom = min(y for _, y in points), max(y for _, y in points)
    scale = (WIDTH - 2 * DOT) / (right - left)

    def place(ring: Ring) -> list[tuple[int, int]]:
        return [(round((x - left) * scale) + DOT, round((y - top) * scale)) for x, y in ring]

    lines = [
        f'<path id="{code}" d="{"".join(write_ring(place(ring)) for ring in rings)}"/>'
        for code, rings in sorted(shapes.items())
    ]
    for code, rings in sorted(small.items()):
        ((x, y),) = place([middle(max(rings, key=len))])
        lines.append(f'<circle id="{code}" cx="{x}" cy="{y}" r="{DOT}"/>')
    height = round((bottom - top) * scale)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}">'
    origin = f"<!-- Natural Earth (public domain), by npm's {ATLAS} {version} (ISC) -->"
    return "\n".join([head, origin, *lines, "</svg>", ""])


def list_countries(atlas: Any, codes: dict[str, str]) -> Iterator[tuple[str, list[Ring]]]:
    """The code of each country, with its rings as they are projected."""
    arcs = list(read_arcs(atlas))
    for shape in atlas["objects"]["countries"]["geometries"]:
        code = codes.get(shape.get("id", ""))
        if shape["properties"]["name"] == "Kosovo":
            code = _KOSOVO
        if code is None or code in _LEFT_OUT:
            continue
        polygons = [shape["arcs"]] if shape["type"] == "Polygon" else shape["arcs"]
        rings = [turn(list(join(arcs, ring))) for polygon in polygons for ring in polygon]
        yield code, [[project(*point) for point in ring] for ring in rings]


def read_arcs(atlas: Any) -> Iterator[list[Point]]:
    """Degrees, from whole numbers that each follow the one before."""
    (x_scale, y_scale), (x_move, y_move) = (
        atlas["transform"][name] for name in ("scale", "translate")
    )
    for arc in atlas["arcs"]:
        x = y = 0
        points = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            points.append((x * x_scale + x_move, y * y_scale + y_move))
        yield points


def join(arcs: Sequence[list[Point]], numbers: Sequence[int]) -> Iterator[Point]:
    """A ring of arcs; a negative number is one walked backwards. Ends meet, and stand once."""
    for number in numbers:
        arc = arcs[number] if number >= 0 else arcs[~number][::-1]
        yield from arc[:-1]


def turn(ring: Ring) -> list[Point]:
    """Longitudes as seen from the middle of the map; a ring stays on the side of its first."""
    first = ring[0][0]
    begin = (first - CUT_LONGITUDE) % 360 - 180
    return [(begin + (x - first + 180) % 360 - 180, y) for x, y in ring]


def project(longitude: float, latitude: float) -> Point:
    """Equal Earth; y grows downwards."""
    angle = asin(sqrt(3) / 2 * sin(radians(latitude)))
    a1, a2, a3, a4 = _A
    square = angle * angle
    sixth = square**3
    stretch = a1 + 3 * a2 * square + sixth * (7 * a3 + 9 * a4 * square)
    x = 2 * sqrt(3) * radians(longitude) * cos(angle) / (3 * stretch)
    return x, -angle * (a1 + a2 * square + sixth * (a3 + a4 * square))


def write_ring(points: Sequence[tuple[int, int]]) -> str:
    """As part of a path; points that fall together stand once."""
    (x, y), *rest = points
    steps = []
    at = (x, y)
    for point in rest:
        if point != at:
            steps.append(f"{point[0] - at[0]} {point[1] - at[1]}")
            at = point
    return f"M{x} {y}l{' '.join(steps)}z".replace(" -", "-") if len(steps) > 1 else ""


def middle(ring: Ring) -> Point:
    """Of the box that it fills."""
    xs, ys = [x for x, _ in ring], [y for _, y in ring]
    return (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
