"""What every test shares: hypothesis without deadlines, since a slow machine is no defect of the code."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("opslab", deadline=None)
settings.load_profile("opslab")
