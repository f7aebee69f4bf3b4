"""Which account a flatten from outside empties: that of a run, found in what the run left on disk."""

from __future__ import annotations

import secrets
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from opslab.contract.execution import MarketKind
from opslab.contract.spec_file import parse_spec
from opslab.errors import OpsLabError, SpecError, StoreError
from opslab.ids import checked_id
from opslab.root import confined
from opslab.runs.venue_keys import KeyFile, VenueKeys, key_names, named_keys
from opslab.safety.flatten.account import Account
from opslab.safety.flatten.log import IntentFile
from opslab.store import layout
from opslab.store.journal import read_chain
from opslab.store.regular import read_regular

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from opslab.root import Lab
    from opslab.runs.paper_run import PaperRun
    from opslab.safety.flatten.course import Flattened

FLATTENS = ("runtime", "flatten")
_ENDED = ("run_completed", "run_failed")


def new_flatten_id() -> str:
    """Return an id that no other flatten has."""
    return f"fl-{secrets.token_hex(5)}"


def flatten_directory(lab: Lab, run_id: str) -> Path:
    """Return where the flattens of a run write down what they are about to send.

    Raises:
        IdError: ``run_id`` is unsafe.
        RootError: a symlink is in the way.
    """
    return confined(lab.root, *FLATTENS, checked_id(run_id))


def require_living(lab: Lab, run_id: str) -> None:
    """Refuse a run that has no venue, before anything is done about it; one that is just starting may get one.

    Raises:
        StoreError: it is no paper run of this lab, or it has ended.
        OpsLabError: its id or its place is unsafe.
    """
    bundle = confined(lab.runs, checked_id(run_id))
    if not bundle.is_dir():
        raise StoreError(f"there is no run {run_id}", where=lab.runs, fix="`ls` there shows their names")
    try:
        events = _events(bundle)
    except StoreError:
        return  # the switch is activated all the same, and then it is told
    if any(event.get("mode") == "backtest" for event in events):
        raise StoreError(
            f"run {run_id} is a backtest: it has no venue to empty", where=bundle, fix="name a run of mode paper"
        )
    if any(event.get("event") in _ENDED for event in events):
        raise StoreError(
            f"run {run_id} has ended, and its venue with it", where=bundle, fix="its report says what it left there"
        )


def accounts_of(lab: Lab, run_id: str, environ: Mapping[str, str]) -> tuple[Account, ...]:
    """Return the account of a living paper run: its endpoint from the journal, with each of the keys of ``keys_of``.

    Raises:
        StoreError: the run has no venue yet, or its keys are nowhere.
        OpsLabError: the journal or the keys cannot be used, or the venue is not on loopback.
    """
    bundle = confined(lab.runs, checked_id(run_id))
    events = _events(bundle)
    started = next((event for event in reversed(events) if event.get("event") == "paper_started"), None)
    if started is None:
        what = f"run {run_id} has not come to its venue: there is nothing to empty"
        raise StoreError(what, where=bundle, fix="new risk is forbidden; if it is just starting, try again")
    venue = started.get("venue")
    if not isinstance(venue, dict):
        raise StoreError("its journal does not say where its venue is", where=bundle, fix="`tc run verify` tells more")
    market: Any = venue.get("market")
    symbols = _symbols(started) if market == "spot" else ()
    http: Any = venue.get("http")
    keep = _amounts(started) if market == "spot" else {}
    found = keys_of(lab, bundle, environ)
    return tuple(Account(http, market, keys.api_key, keys.api_secret, symbols, keep) for keys in found)


def account_of(lab: Lab, run_id: str, environ: Mapping[str, str]) -> Account:
    """Return the account of a living paper run, with the first of its keys; raises as ``accounts_of``."""
    return accounts_of(lab, run_id, environ)[0]


def keys_of(lab: Lab, bundle: Path, environ: Mapping[str, str]) -> tuple[VenueKeys, ...]:
    """Return the keys of a run's account, the likeliest first.

    Those that the environment holds under the names in the run's spec, then those of the file that was made for the
    run. There is a file only where the environment held none when the run began: what it holds now may be another
    account's, and then the venue refuses it.

    Raises:
        StoreError: they are nowhere.
        OpsLabError: the file or the variables hold no keys.
    """
    kept = KeyFile(lab, bundle.name)
    found: dict[VenueKeys, None] = {}
    troubles: list[OpsLabError] = []
    for find in (partial(_of_environment, bundle, environ), kept.read):
        try:
            keys = find()
        except OpsLabError as error:
            troubles.append(error)
        else:
            found |= {} if keys is None else {keys: None}
    if found:
        return tuple(found)
    if troubles:
        raise troubles[-1]
    fix = "set the variables that its spec requires to what they were when it was started"
    raise StoreError("the run's keys are neither here nor in the environment", where=kept.path, fix=fix)


def _of_environment(bundle: Path, environ: Mapping[str, str]) -> VenueKeys | None:
    """Return the keys that the environment holds for a run; None: it holds none, or the spec names none.

    Raises:
        StoreError: it holds one of the two, what it holds is no key, or the run's spec cannot be read.
    """
    where = bundle / layout.RUN_SPEC
    try:
        spec, _ = parse_spec(read_regular(where), str(where))
        found = named_keys(spec, environ)
    except SpecError as error:
        raise StoreError(f"the run's keys are not known: {error}", where=where) from error
    names = key_names(spec) or ()
    missing = [name for name in names if not environ.get(name, "").strip()]
    if len(missing) == 1:
        what = f"of the run's keys the environment holds one: {missing[0]} is not set, or empty"
        raise StoreError(what, where=where, fix=f"set {missing[0]} to what it was when the run was started")
    return found


def facts_of(done: Flattened) -> dict[str, Any]:
    """Return what the journal's ``containment_ended`` says of a flatten, its own fields."""
    return {
        "is_flat": done.is_flat,
        "orders_cancelled": done.cancelled,
        "positions_closed": done.closed,
        "rounds": done.rounds,
        "contain_ms": None if done.contain_ms is None else round(done.contain_ms, 3),
        "flat_ms": None if done.flat_ms is None else round(done.flat_ms, 3),
        "left": {
            "orders": [order.client_order_id or str(order.order_id) for order in done.left.orders],
            "positions": {name: f"{amount:f}" for name, amount in done.left.amounts.items()},
        },
        "unknown": list(done.left.unknown),
    }


def flatten_run(run: PaperRun, seconds: float) -> Flattened:
    """Empty the venue of a paper run that lives in this process, past its node.

    Raises:
        OpsLabError: the run was not started, or its venue refuses the keys.
    """
    from opslab.safety.flatten.drive import flatten  # noqa: PLC0415 - most runs need none of it

    account = living_account(run)
    is_spot = account.market == "spot"
    log = IntentFile.of_node(flatten_directory(run.life.lab, run.life.run_id)) if is_spot else None
    return flatten(account, flatten_id=new_flatten_id(), seconds=seconds, log=log)


def living_account(run: PaperRun) -> Account:
    """Return the account of a paper run that lives in this process.

    Raises:
        OpsLabError: the run was not started.
    """
    address = run.address
    if address is None:
        raise OpsLabError("the venue was never started", where=run.life.run_id, fix="start the run first")
    is_spot = run.plan.spec.execution.market is MarketKind.SPOT
    symbols = tuple(dataset.instrument.symbol for dataset in run.plan.datasets) if is_spot else ()
    market = MarketKind.SPOT if is_spot else MarketKind.FUTURES
    return Account(address.http, market.value, address.api_key, address.api_secret, symbols, run.keep)


def _events(bundle: Path) -> tuple[dict[str, Any], ...]:
    return read_chain(read_regular(bundle / layout.JOURNAL)).events


def _amounts(started: Mapping[str, Any]) -> dict[str, Decimal]:
    """Return what a run's account held before, of assets that it trades; nothing where its journal does not tell."""
    found = started.get("keep") or {}
    try:
        return {str(asset): Decimal(amount) for asset, amount in found.items()}
    except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
        raise StoreError("its journal names no amounts to keep", fix="`tc run verify` tells more") from error


def _symbols(started: Mapping[str, Any]) -> tuple[str, ...]:
    names = started.get("instruments")
    if not isinstance(names, list):
        return ()
    return tuple(name.partition(".")[0] for name in names if isinstance(name, str))
