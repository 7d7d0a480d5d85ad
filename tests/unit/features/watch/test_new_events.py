"""Each event is told once, also one that is recorded late or while Podman does not answer."""

from hardentui.engine.events import Event
from hardentui.features.watch.monitor import NewEvents
from hardentui.model.known import Known, Unread


def happened(time: float) -> Event:
    return Event("exec", "container", "a" * 64, "web", time)


class Podman:
    """Events that are recorded so far; None while it does not answer."""

    def __init__(self) -> None:
        self.recorded: list[Event] | None = []

    def __call__(self, since: float) -> Known[tuple[Event, ...]]:
        if self.recorded is None:
            return Unread("busy")
        return tuple(event for event in self.recorded if since < event.time)


def test_an_event_that_is_recorded_late_is_told_once() -> None:
    podman, new = Podman(), NewEvents()
    assert new.since_last(podman, 1000.0) == ()
    podman.recorded = [happened(999.9)]
    assert new.since_last(podman, 1002.0) == (happened(999.9),)
    assert new.since_last(podman, 1004.0) == ()


def test_what_happens_while_podman_does_not_answer_is_told_afterwards() -> None:
    podman, new = Podman(), NewEvents()
    new.since_last(podman, 1000.0)
    podman.recorded = None
    assert new.since_last(podman, 1020.0) == Unread("busy")
    podman.recorded = [happened(1010.0)]
    assert new.since_last(podman, 1040.0) == (happened(1010.0),)


def test_the_first_look_reaches_back_ten_minutes() -> None:
    podman = Podman()
    podman.recorded = [happened(300.0), happened(500.0)]
    assert NewEvents().since_last(podman, 1000.0) == (happened(500.0),)
