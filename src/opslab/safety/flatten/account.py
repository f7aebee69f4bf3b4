"""Which account is emptied, and where: on loopback only, whoever asks."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from opslab.errors import OpsLabError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

_KEY = re.compile(r"[!-~]{1,256}", re.ASCII)
_SYMBOL = re.compile(r"[^\s\x00-\x1f\x7f-\x9f]{1,64}")
_PLAIN = re.compile(r"[!-~]{1,256}", re.ASCII)


@dataclass(frozen=True)
class Account:
    """An account at a venue on this machine.

    Args:
        http: base URL of the venue's REST API, without a path.
        market: ``futures`` (USD-M) or ``spot``.
        api_key: its key.
        api_secret: signs requests; never written anywhere.
        symbols: of spot: where orders are looked for, and whose base asset is sold; of futures: what is emptied, where
            none means everything on the account.
        keep: of spot: base units by asset that stay, because they were there before whoever is emptied began.

    Raises:
        OpsLabError: the URL leaves loopback or is none, a key, symbol or amount cannot be one, or spot has no symbol.
    """

    http: str
    market: Literal["futures", "spot"]
    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    symbols: tuple[str, ...] = ()
    keep: Mapping[str, Decimal] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "http", _checked_base(self.http))
        if self.market not in ("futures", "spot"):
            raise OpsLabError(f"{self.market!r:.40} is no market", where="account", fix="name futures or spot")
        for name in ("api_key", "api_secret"):
            value = getattr(self, name)
            if not isinstance(value, str) or not _KEY.fullmatch(value):
                raise OpsLabError(f"{name} cannot be a key", where="account", fix="give it as the venue gave it")
        if not isinstance(self.symbols, tuple) or not all(_is_symbol(name) for name in self.symbols):
            raise OpsLabError("a symbol is malformed", where="account", fix="name symbols as the venue does: BTCUSDT")
        object.__setattr__(self, "symbols", tuple(dict.fromkeys(self.symbols)))
        if not all(amount.is_finite() and amount >= 0 for amount in self.keep.values()):
            raise OpsLabError("an amount to keep is none", where="account", fix="name base units by asset")
        if self.market == "spot" and not self.symbols:
            raise OpsLabError(
                "a spot account is emptied by symbol, and none is named", where="account", fix="name what it trades"
            )


def _checked_base(http: object) -> str:
    """Return a base URL on loopback without its trailing slash."""
    if not isinstance(http, str) or not _PLAIN.fullmatch(http) or "\\" in http:
        raise _refused(http, "is no base URL")
    try:
        parts = urlsplit(http)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _refused(http, "is no base URL") from None
    if parts.scheme not in ("http", "https"):
        raise _refused(http, "is not http")
    if (
        "@" in parts.netloc
        or parts.path not in ("", "/")
        or parts.query
        or parts.fragment
        or "?" in http
        or "#" in http
    ):
        raise _refused(http, "is more than scheme, host and port")
    if port == 0 or not _is_loopback(host):
        raise _refused(http, "is not on loopback, and nothing else is ever flattened")
    return http.removesuffix("/")


def _is_symbol(name: object) -> bool:
    return isinstance(name, str) and _SYMBOL.fullmatch(name) is not None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return "%" not in host and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _refused(http: object, why: str) -> OpsLabError:
    shown = re.sub(r"//[^/]*@", "//…@", str(http)[:120])
    return OpsLabError(f"{shown} {why}", where="account", fix="name the lab's own venue, like http://127.0.0.1:8080")
