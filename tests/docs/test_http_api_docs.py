"""`docs/http-api.md` names every code that a refusal of the accept path can carry."""

import re

from tests.paths import ROOT

CODE = re.compile(
    r'\bcode="(\w+)"|InvalidEvent\([^,()]+, "(\w+)"|default_code = \d+, "(\w+)"'
    r'|default_code: ClassVar\[str\] = "(\w+)"|_refuse\("[^"]+", "(\w+)"'
)


def test_every_code_is_documented() -> None:
    page = (ROOT / "docs" / "http-api.md").read_text()
    sources = [
        file.read_text()
        for room in ("analytics", "ingestion", "upkeep")
        for file in (ROOT / room).rglob("*.py")
    ]

    codes = {code for text in sources for found in CODE.findall(text) for code in found if code}

    assert {"too_deep", "revoked_key", "internal_error", "over_quota"} <= codes
    assert {code for code in codes if f"`{code}`" not in page} == set()
