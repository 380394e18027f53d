"""Files of others that the pages load: what the document says they are."""

import gzip
import re
from hashlib import sha256

from tests.paths import ROOT

FOLDER = ROOT / "dashboard/static/dashboard/vendor"


def test_every_file_is_the_one_that_is_documented() -> None:
    text = (ROOT / "docs/dependencies.md").read_text()
    documented = dict(
        re.findall(r"(?m)^\| `(\S+\.min\.\w+)` \| [^|]+ \| `([0-9a-f]{64})` \|", text)
    )

    found = {file.name: sha256(file.read_bytes()).hexdigest() for file in FOLDER.glob("*.min.*s")}
    assert found == documented


def test_what_is_compressed_is_the_same() -> None:
    for file in FOLDER.glob("*.gz"):
        assert gzip.decompress(file.read_bytes()) == file.with_suffix("").read_bytes()


def test_each_has_its_licence() -> None:
    names = {file.name.split(".")[0] for file in FOLDER.glob("*.min.*")}
    assert {file.stem for file in FOLDER.glob("*.LICENSE")} == names
