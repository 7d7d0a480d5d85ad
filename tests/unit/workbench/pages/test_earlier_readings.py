"""Alarms and events of earlier looks stay, each alarm once, the newest first."""

from hardentui.features.watch.page import EarlierReadings
from hardentui.model.finding import Severity
from hardentui.model.monitoring import Alarm, Sample, SeenEvent


def sample(time: float, *alarms: str, events: tuple[str, ...] = ()) -> Sample:
    return Sample(
        container="web",
        engine="rootful",
        time=time,
        state="running",
        alarms=tuple(Alarm(id_, Severity.HIGH, f"{id_} at {time:g}") for id_ in alarms),
        events=tuple(SeenEvent(time, action) for action in events),
    )


def test_an_alarm_that_is_over_is_an_earlier_one_with_its_last_time() -> None:
    remembered = EarlierReadings()
    looks = [sample(1, "exec", "died"), sample(2, "exec"), sample(3, "died"), sample(4)]
    for look in looks:
        remembered.take(look)
    assert [(time, alarm.text) for time, alarm in remembered.earlier(looks[-1])] == [
        (3, "died at 3"),
        (2, "exec at 2"),
    ]
    assert [alarm.id for _, alarm in remembered.earlier(looks[-2])] == ["exec"], (
        "one that holds is no earlier one"
    )


def test_events_add_up_and_the_oldest_go() -> None:
    remembered = EarlierReadings()
    for time in range(50):
        remembered.take(sample(time, events=("exec",)))
    assert [event.time for event in remembered.events] == list(range(10, 50))


def test_alarms_without_end_do_not_fill_the_memory() -> None:
    remembered = EarlierReadings()
    for number in range(100):
        remembered.take(sample(number, f"alarm-{number}"))
    assert len(remembered.earlier(sample(100))) == 40
