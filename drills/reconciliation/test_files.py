"""What two parties say of one run is compared, and whatever differs is seen: the packaged drills, on the sample."""

from __future__ import annotations

from opslab.samples.drills.reconciliation import (
    comparison,
    test_market_data_that_stop_are_a_warning,
    test_whatever_differs_is_a_mismatch,
)

__all__ = ["comparison", "test_market_data_that_stop_are_a_warning", "test_whatever_differs_is_a_mismatch"]
