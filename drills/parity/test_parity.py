"""A strategy does in paper what it did in the backtest."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from opslab.contract.dataset import InstrumentKind
from opslab.data.importing import import_file
from opslab.data.instruments import built_in
from opslab.samples.generator import sample_csv

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from opslab import Drill
    from opslab.root import Lab
    from opslab.store.reader import Bundle

RUNBOOK = "docs/runbooks/parity.md"
CANDLES = 34
"""A full round of the strategy and a half, at a step every third bar; it does nothing on the last one."""


KINDS = {"futures": InstrumentKind.PERPETUAL, "spot": InstrumentKind.SPOT}
ROUND_TRIP = {"strategy.name": "ops_round_trip", "strategy.params": {"every": 3}}


@pytest.fixture
def candles(own_lab: Lab, tmp_path: Path) -> Callable[[str], str]:
    """Install the first candles of a sample as a dataset of a market's own and return its name."""

    def install(market: str) -> str:
        source, name = tmp_path / "candles.csv", f"parity-{market}"
        source.write_text("".join(sample_csv("btcusdt-sample").splitlines(keepends=True)[: CANDLES + 1]))
        instrument = built_in("BTCUSDT", KINDS[market])
        import_file(own_lab, source, name, instrument=instrument, interval=60, stamp="open", synthetic=True)
        return name

    return install


@pytest.mark.drill("parity", rehearses=["OP-10"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("another-seed")
@pytest.mark.mutant("another-quantity")
@pytest.mark.parametrize("market", ["futures", "spot"])
def test_paper_does_what_the_backtest_did(
    drill: Drill,
    candles: Callable[[str], str],
    run: Callable[..., Bundle],
    stepped: Callable[..., Bundle],
    market: str,
) -> None:
    """The same strategy on the same candles gives the same orders, fills and end position in backtest and paper."""
    mutants: dict[str | None, dict[str, object]] = {
        "another-seed": {"seed": 4711},
        "another-quantity": {"strategy.params": {"every": 3, "quantity": "0.05"}},
    }
    changes = {"data": {"dataset": candles(market)}, **ROUND_TRIP}
    run(changes)
    coins = {"BTC": Decimal(1)} if market == "spot" else {}
    stepped({**changes, "execution.market": market, **mutants.get(drill.mutant, {})}, balances=coins)
    drill.holds("run.completed", "parity.same", "parity.same_end")


@pytest.mark.drill("spot-position-closes", rehearses=["AC-15"], severity="critical", runbook=RUNBOOK)
@pytest.mark.known_defect(
    "OPS-PARITY-REFUSED", versions=">=1.231,<1.232", reference="docs/engine-defects/spot-close-refused.md"
)
@pytest.mark.mutant("another-seed")
def test_a_spot_position_can_be_closed(
    drill: Drill, candles: Callable[[str], str], run: Callable[..., Bundle], stepped: Callable[..., Bundle]
) -> None:
    """A spot position whose fee was taken from what was bought is closed as in the backtest."""
    changes = {"data": {"dataset": candles("spot")}, **ROUND_TRIP}
    run(changes)
    stepped({**changes, "execution.market": "spot", **({"seed": 4711} if drill.mutant else {})})
    drill.holds("run.completed", "parity.same")
