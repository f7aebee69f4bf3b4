"""Which URLs a probe may be sent to: ``http`` on this machine, written so that nobody can read it otherwise."""

from __future__ import annotations

import re
from dataclasses import dataclass

from opslab.errors import SpecError

HOSTS = {"localhost": ("127.0.0.1", "::1"), "127.0.0.1": ("127.0.0.1",), "::1": ("::1",)}
"""The hosts of the contract, and the addresses that are tried for each, in order; no name is ever looked up."""

DEFAULT_PORT = 80
LONGEST = 2_048
_FIX = "write http://HOST:PORT/PATH with the host localhost, 127.0.0.1 or [::1]"
_FORM = re.compile(
    r"http://(?:(?P<name>localhost|127\.0\.0\.1)|\[(?P<six>::1)\])(?::(?P<port>[0-9]{1,5}))?(?P<path>/[!$&'()*+,;=:@~._/A-Za-z0-9%-]*)?",
    re.IGNORECASE | re.ASCII,
)
_ESCAPED = re.compile(r"%(?![0-9A-Fa-f]{2})")
_DOTS = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?=/|$)", re.IGNORECASE)


@dataclass(frozen=True)
class ProbeUrl:
    """Where a probe goes.

    Attributes:
        host: one of ``HOSTS``.
        port: 1 to 65535.
        path: begins with a slash.
    """

    host: str
    port: int
    path: str

    def __str__(self) -> str:
        """Return it normalised, as it is recorded."""
        return f"http://{self.authority}{self.path}"

    @property
    def authority(self) -> str:
        """Host and port as the request's ``Host`` header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORT else f"{host}:{self.port}"

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses that are tried, in order."""
        return HOSTS[self.host]


def checked_url(text: str) -> ProbeUrl:
    """Return the URL of a probe.

    The whole text must have the one form that is allowed: no user info, query or fragment, no other spelling of an
    address, no blank or control character anywhere. No segment of the path is one or two dots: clients take those out
    (RFC 3986, 5.2.4), so that another URL would be sent than the one recorded. What is refused is not repeated: it may
    hold a secret.

    Raises:
        SpecError: it is another URL.
    """
    found = _FORM.fullmatch(text) if len(text) <= LONGEST else None
    if found is None or _ESCAPED.search(text):
        raise SpecError(_reason(text), where="--url", fix=_FIX)
    if _DOTS.search(found["path"] or ""):
        raise SpecError("has a segment of dots in its path", where="--url", fix="write the path without . and ..")
    port = int(found["port"]) if found["port"] else DEFAULT_PORT
    if not 1 <= port <= 65_535:  # noqa: PLR2004 - the range of ports
        raise SpecError(f"port {port} is none", where="--url", fix=_FIX)
    return ProbeUrl((found["name"] or found["six"]).lower(), port, found["path"] or "/")


def _reason(text: str) -> str:
    """Return what is wrong, as far as it can be told without repeating the text."""
    if len(text) > LONGEST:
        return f"is longer than {LONGEST} characters"
    if not text.lower().startswith("http://"):
        return "does not begin with http://"
    rest = text[len("http://") :]
    authority = re.split(r"[/?#\\]", rest, maxsplit=1)[0]
    for sign, what in (("@", "names a user"), ("?", "has a query"), ("#", "has a fragment"), ("\\", "has a backslash")):
        if sign in (authority if sign == "@" else rest):
            return what
    if not text.isascii() or not text.isprintable() or " " in text:
        return "has a character that no URL has"
    return "is not a plain URL on this machine"
