"""What others who empty the same spot account have sent: until its fate is known nobody sells what may be sold already.

On futures nobody needs to know: there a close only reduces, whoever else sends one. A spot sale takes whatever is free,
and what is free was perhaps held before. Two layers keep two closers from selling it: an intent of theirs whose fate is
open keeps everything of its symbol back, and one that came up since the last look makes that look worth nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.errors import OpsLabError

if TYPE_CHECKING:
    from opslab.safety.flatten.log import Intent, IntentLog
    from opslab.safety.flatten.talk import Talk

LAG_MS = 1_000
"""For so long after a close has ended, what is shown of its symbol may be older than the close."""


class Others:
    """What a flatten knows of the intents of others.

    Args:
        talk: the conversation.
        log: its own log, which shows theirs.

    Attributes:
        trouble: why nobody can tell what they sent; None: it was read.
    """

    def __init__(self, talk: Talk, log: IntentLog) -> None:
        self._talk, self._log = talk, log
        self._is_spot = talk.account.market == "spot"
        self._intents: tuple[Intent, ...] = ()
        self._over: set[tuple[str, int]] = set()
        self._calm_until: dict[str, float] = {}
        self.trouble: str | None = None

    @property
    def open(self) -> tuple[Intent, ...]:
        """Theirs whose fate nobody knows, as they stood there when they were read."""
        return tuple(intent for intent in self._intents if intent.attempt not in self._over)

    @property
    def held(self) -> frozenset[str]:
        """Symbols that nothing is sent for: a fate is open, or a close ended so lately that no look may show it."""
        now = self._talk.elapsed_ms
        calm = (symbol for symbol, until in self._calm_until.items() if now < until)
        return frozenset((*calm, *(intent.symbol for intent in self.open)))

    def read(self) -> None:
        """Read what they wrote down: what is looked at after this shows the closes that are over by now."""
        try:
            self._intents, self.trouble = self._theirs(), None
        except OpsLabError as error:
            self.trouble = str(error)
            return
        for intent in self._intents:
            if intent.is_settled and intent.attempt not in self._over:
                is_fresh = intent.dead_ms > self._talk.venue_ms()
                self._end(intent, LAG_MS if is_fresh else 0)

    def settle(self, intent: Intent, *, has_ended: bool) -> None:
        """Take note that the fate of one of theirs is known: it ended, or else never came to the venue."""
        self._end(intent, LAG_MS if has_ended else 0)

    def has_news(self) -> bool:
        """Whether somebody wrote down a close since ``read``, or nobody can tell; asked when one's own stand there."""
        known = {intent.attempt for intent in self._intents}
        try:
            return self.trouble is not None or any(intent.attempt not in known for intent in self._theirs())
        except OpsLabError as error:
            self.trouble = str(error)
            return True

    def _theirs(self) -> tuple[Intent, ...]:
        if not self._is_spot:
            return ()
        mine = {intent.attempt for intent in self._log.intents()}
        return tuple(intent for intent in self._log.others() if intent.attempt not in mine)

    def _end(self, intent: Intent, lag_ms: int) -> None:
        if intent.attempt not in self._over:
            self._over.add(intent.attempt)
            self._calm_until[intent.symbol] = self._talk.elapsed_ms + lag_ms
