"""Names for the numpy arrays that columns are made of."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Hashes: TypeAlias = NDArray[np.uint64]
Integers: TypeAlias = NDArray[np.int64]
Values: TypeAlias = NDArray[np.object_]
Flags: TypeAlias = NDArray[np.bool_]
