"""What a process does not do when it starts."""

import ctypes.util
import importlib

import pytest
from django.core.exceptions import ImproperlyConfigured


def test_nobody_looks_for_a_library_for_maps(monkeypatch: pytest.MonkeyPatch) -> None:
    """It took a third of each start."""
    searched: list[str] = []
    monkeypatch.setattr(ctypes.util, "find_library", searched.append)

    with pytest.raises(ImproperlyConfigured, match="no use for GDAL"):
        importlib.import_module("django.contrib.gis.gdal")

    assert searched == []
