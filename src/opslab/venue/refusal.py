"""A refusal: what Binance answers when it does not do what was asked. Codes and texts are those of its documents."""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818 - it is an answer, not an error of ours
    """A command or query was refused; nothing changed.

    Args:
        code: Binance's error code, negative.
        message: Binance's text.
        status: the HTTP status it travels with.
        headers: further HTTP headers, such as ``Retry-After``.
    """

    def __init__(self, code: int, message: str, status: int = 400, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.status = status
        self.headers = headers or {}

    def body(self) -> dict[str, object]:
        """Return the error body, the same for futures and spot."""
        return {"code": self.code, "msg": self.message}
