"""Spare every process the search for GDAL, a library for maps.

The database backend asks for it three times while it is loaded, and Django looks for it under
twelve names with ldconfig and gcc: a third of the time in which a process starts. Here it is told
at once what it would find, that there is none, and goes on without.
"""

import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from django.core.exceptions import ImproperlyConfigured

_NAME = "django.contrib.gis.gdal.libgdal"


class _NoGdal(MetaPathFinder, Loader):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname == _NAME else None

    def exec_module(self, module: ModuleType) -> None:
        raise ImproperlyConfigured("this service has no use for GDAL")


def skip_gdal() -> None:
    sys.meta_path.insert(0, _NoGdal())
