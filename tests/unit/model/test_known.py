"""Facts: what cannot be read is learned at any moment, also while a copy is made."""

from __future__ import annotations

from typing import Any

from hardentui.do import Do, Verb
from hardentui.model.fact_source import FactSource
from hardentui.model.known import Fact, Facts, Later, Unread, known, need


class Subject(Facts):
    """Two facts, of which nothing is given."""

    first: Fact[str] = Fact()
    second: Fact[str] = Fact()


class Interrupting(Later[str]):
    """While it is looked at, another thread asks for the other fact."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self.read = lambda _: "read"

    @property
    def of_original(self) -> bool:  # type: ignore[override]
        known(lambda: self._subject.second)
        return False


def test_a_copy_is_made_while_another_thread_learns_what_cannot_be_read() -> None:
    subject: Any = (
        Subject().replace().asking(lambda _: Later(lambda _: Unread("it cannot be read")))
    )
    subject.waiting["first"] = Interrupting(subject)
    copy = subject.replace()
    assert copy.first == "read"
    told = known(lambda: copy.second)
    assert isinstance(told, Unread)


def test_what_is_raised_in_its_place_says_all_that_it_said() -> None:
    unread = Unread("it is closed", "denied", do=Do(Verb.DOCTOR), source=FactSource.KERNEL)
    raised = known(need, unread)
    assert raised is not unread
    assert vars(raised) == vars(unread)
