"""`docs/insides.md` has each module of ours that reaches into a library."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.docs.test_docs import MODULES
from tests.paths import ROOT

# Documented although they begin with an underscore.
_PUBLIC = {"_default_manager", "_exit", "_fields", "_make", "_meta"}


def reaches_in(module: Path) -> bool:
    """Whether it takes a private name of what is not its own, or is made of gunicorn's parts."""
    tree = ast.parse(module.read_text())
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gunicorn."):
            return True
        if isinstance(node, ast.Attribute) and re.match(r"_[a-z]", node.attr):
            is_own = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls", "super")
            is_own |= isinstance(node.value, ast.Call)  # super()
            if not is_own and node.attr not in _PUBLIC | own:
                return True
    return False


def list_modules() -> Iterator[str]:
    for module in MODULES:
        if module.relative_to(ROOT).parts[0] != "local" and reaches_in(module):
            yield str(module.relative_to(ROOT))


def test_every_module_that_reaches_into_a_library_is_listed() -> None:
    page = (ROOT / "docs/insides.md").read_text()
    found = set(list_modules())
    assert "ingestion/stream/connection.py" in found
    assert {module for module in found if f"`{module}`" not in page} == set()
