"""The table of a run, in Markdown."""

from collections.abc import Sequence

from tests.chaos.evidence.books import Row

COLUMNS = (
    "fault", "sent", "accepted", "refused", "stored", "dead", "duplicates", "lost",
    "stored twice", "seconds to heal",
)  # fmt: skip


def render_table(rows: Sequence[Row]) -> str:
    lines = [
        [
            row.fault, row.sent, row.accepted, row.refused, row.stored, row.dead, row.duplicates,
            row.lost, row.stored_twice, f"{row.heal_seconds:.1f}",
        ]
        for row in rows
    ]  # fmt: skip
    cells = [[str(cell) for cell in line] for line in (COLUMNS, *lines)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(COLUMNS))]
    rendered = [
        "| " + " | ".join(align(cell, widths[n], n) for n, cell in enumerate(line)) + " |"
        for line in cells
    ]
    rule = (
        "|"
        + "|".join("-" * (width + 1) + ("-" if n == 0 else ":") for n, width in enumerate(widths))
        + "|"
    )
    return "\n".join([rendered[0], rule, *rendered[1:]])


def align(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column == 0 else cell.rjust(width)
