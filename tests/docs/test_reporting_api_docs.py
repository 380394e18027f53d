"""`docs/reporting-api.md` names every code and every parameter of a report."""

import re

from reporting.questions.fields import ROLLED_UP
from reporting.questions.filters import OPERATORS
from tests.paths import ROOT

CODE = re.compile(r'\bcode="(\w+)"|\b(?:refuse|parse|number|choice)\([^,()]+, "(\w+)"')
PARAMETERS = (
    "start", "end", "limit", "offset", "groupBy", "by", "interval", "timezone", "exact", "bots",
)  # fmt: skip


def test_every_code_is_documented() -> None:
    page = (ROOT / "docs" / "reporting-api.md").read_text()
    texts = [file.read_text() for file in (ROOT / "reporting").rglob("*.py")]

    codes = {code for text in texts for found in CODE.findall(text) for code in found if code}

    assert {"raw_expired", "bad_window", "bad_filter", "query_timeout"} <= codes
    assert {code for code in codes if f"`{code}`" not in page} == set()


def test_every_name_is_documented() -> None:
    page = (ROOT / "docs" / "reporting-api.md").read_text()

    names = (*PARAMETERS, *ROLLED_UP, *OPERATORS)

    assert [name for name in names if f"`{name}`" not in page] == []
