"""Dark is the same, whether the system asks for it or a person does."""

import re

from tests.paths import ROOT


def test_both_ways_to_the_dark_have_the_same_colours() -> None:
    text = (ROOT / "dashboard/static/dashboard/base.css").read_text()
    by_system, by_choice = (
        re.findall(r"(--[\w-]+): ([^;]+);", text.split(f"{start} {{", 1)[1].split("}", 1)[0])
        for start in (':root:not([data-theme="light"])', ':root[data-theme="dark"]')
    )

    assert by_system
    assert by_system == by_choice
