"""When a learner of a class may work, and with which help."""

from __future__ import annotations

from msgspec import Struct

from hardentui.errors import UsageError


class Rules(Struct, frozen=True):
    """What a class, or an exam, demands of a learner. Times are seconds since 1970; 0 = none."""

    exam: bool = False  # no hints, no guidance, no solution
    opens: float = 0.0  # before, nobody may begin
    closes: float = 0.0  # afterwards, no answer counts
    seconds: float = 0.0  # of an exam, for each learner, from the first lab on
    closed: str = ""  # why nobody may work now; empty = it is a matter of time

    def ends(self, began: float) -> float:
        """When the time of a learner is over; 0 = never.

        Args:
            began: when that learner started the first lab; 0 = not yet.
        """
        own = began + self.seconds if self.seconds and began else 0.0
        return min(filter(None, (own, self.closes)), default=0.0)

    def refuse_work(self, began: float, now: float) -> None:
        """Refuse what comes too early or too late.

        Raises:
            UsageError: with the reason.
        """
        if self.closed:
            raise UsageError(self.closed)
        if self.opens and now < self.opens:
            raise UsageError("The class has not started yet.")
        end = self.ends(began)
        if end and now > end:
            raise UsageError("The time is over. What you have solved is kept.")

    def refuse_help(self) -> None:
        """Refuse hints, guidance and the solution in an exam.

        Raises:
            UsageError: it is one.
        """
        if self.exam:
            raise UsageError("An exam gives no hints and no solution.")


FREE = Rules()
"""Whoever learns alone."""
