"""The questions of docs/querying.md get the answers that the page shows."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.paths import ROOT

PAGE = ROOT / "docs" / "querying.md"
BLOCK = re.compile(r"```(jsonl|json)\n(.*?)```", re.DOTALL)
