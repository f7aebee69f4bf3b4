"""pyarrow's kernels and arrays under loose types: the published stubs know only some of the kernels' overloads."""

from __future__ import annotations

from typing import Any

import pyarrow.compute

type Cells = Any
"""A ``pyarrow.Array``: one column of one chunk of a source."""

kernels: Any = pyarrow.compute
"""``pyarrow.compute``."""
