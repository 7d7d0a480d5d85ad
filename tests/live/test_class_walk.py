"""A trainer's class on real Podmans with real browsers: from the names to the report, an exam whose
result is checked, and ten learners at once of whom one attacks."""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar

from hardentui.__main__ import main
from hardentui.features.training.seat import Seats
from tests.support.chromium import ALERT, Page, browser, submit
from tests.support.podman import Bench
from tests.support.schemas import validated
from tests.support.seats import ROOM, Memory, seats_of, served

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]
Run = Callable[..., str]
LABS = Path(__file__).parents[2] / "checklists" / "labs"


@pytest.fixture(scope="module")
def seats(podman: Bench) -> Iterator[Seats]:
    with seats_of(podman) as made:
        yield made


@pytest.fixture
def train(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))

    def run(*words: str, code: int = 0) -> str:
        capsys.readouterr()  # what the test itself wrote
        done = main(["train", *words])
        said = capsys.readouterr()
        assert done == code, said
        return said.out + said.err

    return run


@pytest.fixture
def course(tmp_path: Path) -> str:
    """A lab of the trainer's own, between two of ours."""
    (tmp_path / "ours").mkdir()
    text = (LABS / "read-only.toml").read_text()
    own = text.replace("A page that nobody can deface", "The menu of our canteen")
    assert own != text
    (tmp_path / "ours" / "our-canteen.toml").write_text(own)
    labs = ["first-run", "our-canteen", "drop-capabilities"]
    (tmp_path / "course.toml").write_text(
        f'title = "Canteen week"\nlabs = {json.dumps(labs)}\nown = "ours"\n'
    )
    return str(tmp_path / "course.toml")


async def _opens(page: Page, lab: str) -> None:
    await submit(page, f"form:has(input[value='{lab}'])")


async def _answers(page: Page, options: str) -> None:
    await page.until("document.getElementById('text')")
    await page.evaluate(f"document.getElementById('text').value = {json.dumps(options)}")
    await submit(page, "form[action='/run']")


async def _result(link: str) -> str:
    """What a learner keeps, as a browser with the link downloads it."""
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as session:
        async with session.get(link) as answer:
            assert answer.status == 200
        async with session.get(link.partition("?")[0] + "result.json") as answer:
            return await answer.text()


async def test_a_class_from_the_names_to_the_report(
    seats: Seats, train: Run, course: str, tmp_path: Path
) -> None:
    assert "Nobody can begin yet" in train("class", "new", "anna", "ben", "--labs", course)
    async with browser(tmp_path / "a") as anna, browser(tmp_path / "b") as ben:
        with served(seats) as links:
            await anna.open(links["anna"])
            await anna.shows(
                "0 of 3 labs passed", "1. Your first fix", "2. The menu of our canteen"
            )
            await _opens(anna, "our-canteen")
            await anna.shows("The class has not started yet.")
            train("class", "start")
            await _opens(anna, "our-canteen")
            await anna.shows("not yet", "✗ works: Attack: Deface the page")
            await _answers(anna, "--entrypoint=/nothing")
            await anna.shows("✗ broken: The service", "executable file `/nothing` not found")
            assert "✗ works" not in str(await anna.evaluate("document.body.innerText"))
            await _answers(anna, "--user=1000:1000")
            await anna.shows(
                "A read-only mount in it does not change that.", "✓ answers: The service"
            )
            await submit(anna, "form[action='/hint']")
            await anna.shows("Hint 1")
            await _answers(anna, "--read-only")
            await anna.shows("Solved, with 1 hint.", "✓ blocked: Attack", "1 of 3 labs passed")
            await ben.open(links["ben"])
            await ben.shows("0 of 3 labs passed")
            await _opens(ben, "first-run")
            await submit(ben, "form[action='/solution']")
            await ben.shows("podman run (no options)")
            await _answers(ben, "")
            await ben.shows("Start it over to pass it.", "0 of 3 labs passed")
        with served(seats) as links:  # a restart
            await anna.open(links["anna"])
            await anna.shows("1 of 3 labs passed")
    assert "anna" in train("class")
    report = json.loads(train("report", "--format", "json"))
    validated(report)
    rows = {
        learner["learner"]: {row["lab"]: row for row in learner["labs"]}
        for learner in report["learners"]
    }
    done = rows["anna"]["our-canteen"]
    assert (done["state"], done["tries"], done["hints"], done["simulated"]) == (
        "passed",
        3,
        1,
        False,
    )
    assert rows["ben"]["first-run"]["solution"]
    assert rows["ben"]["first-run"]["state"] != "passed"
    for kind in ("html", "markdown", "text"):
        told = train("report", "--format", kind)
        assert all(words in told for words in ("Canteen week", "anna", "The menu of our canteen"))
    train("class", "end")


async def test_an_exam_gives_no_help_and_a_result_that_can_be_checked(
    seats: Seats, train: Run, tmp_path: Path
) -> None:
    labs = ("--lab", "first-run", "--lab", "drop-capabilities")
    train("class", "new", "carla", "--exam", "45m", *labs)
    train("class", "start")
    async with browser(tmp_path / "c") as page:
        with served(seats) as links:
            await page.open(links["carla"])
            await _opens(page, "drop-capabilities")
            await page.shows("45 minutes left", "Your task")
            for action in ("hint", "guide", "solution"):
                assert not await page.evaluate(
                    f"document.querySelector('form[action=\"/{action}\"]')"
                )
            await _answers(page, "--cap-drop=CHOWN")
            await page.shows("not yet: It has no capability")
            assert not await page.evaluate("document.querySelector('p.ask')"), "a remark is a hint"
            await _answers(page, "--cap-drop=all")
            await page.shows("Solved.", "1 of 2 labs passed")
            kept = tmp_path / "carla.json"
            kept.write_text(await _result(links["carla"]))
            train("class", "end")
            await _answers(page, "--cap-drop=all")
            await page.shows("The class has ended.", "my result")
    told = train("report", "--verify", str(kept))
    assert "Yours, and unchanged: carla" in told
    assert "1 of 2 labs passed" in told
    kept.write_text(kept.read_text().replace('"passed": 1', '"passed": 2'))
    assert "was changed since" in train("report", "--verify", str(kept), code=2)


ANSWERS = {
    "first-run": "",
    "read-only": "--read-only",
    "not-root": "--user=1000:1000",
    "drop-capabilities": "--cap-drop=all",
    "own-network": "--network=back",
    "small-image": "--image=slim",
    "fixed-version": "--image=1.0",
    "hidden-files": "",
    "kernel-settings": "",
}
"""Lab -> the answer of a learner; a tenth attacks."""
_ATTACK = (
    "mkdir /tmp/c && mount -t cgroup -o memory c /tmp/c && echo OUT; "
    "echo /x > /sys/kernel/uevent_helper && echo OUT; echo x > /proc/sys/kernel/modprobe && echo OUT; "
    "kill -9 -1; while :; do sh -c 'while :; do :; done' & done"
)


@pytest.mark.long  # measured: python -m pytest tests/live/test_class_walk.py -k ten -s
@pytest.mark.timeout(1500)
async def test_ten_learners_in_ten_browsers_on_their_own_podmans(
    seats: Seats,
    podman: Bench,
    train: Run,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """All that the bench runs gets 8 GB by its cgroup, the most of it is what is measured."""
    memory = Memory(podman)
    names = [*(f"learner{at}" for at in range(len(ANSWERS))), "mallory"]
    train("class", "new", *names)
    train("class", "start")
    seconds: dict[str, float] = {}
    clock = asyncio.get_running_loop().time
    with served(seats) as links:
        async with AsyncExitStack() as opened:
            pages = {
                name: await opened.enter_async_context(browser(tmp_path / name)) for name in names
            }

            async def learn(name: str, lab: str, options: str) -> None:
                page, begin = pages[name], clock()
                await page.open(links[name])
                await page.shows(name, "0 of 36 labs passed", seconds=600)
                await _opens(page, lab)
                await page.shows("✗ works: Attack", seconds=600)
                await _answers(page, options)
                await page.shows("Solved.", "1 of 36 labs passed", seconds=600)
                seconds[lab] = round(clock() - begin)

            async def attack() -> None:
                page = pages["mallory"]
                await page.open(links["mallory"])
                await page.shows("0 of 36 labs passed", seconds=600)
                await _opens(page, "first-run")
                await page.shows("✗ works: Attack", seconds=600)
                await _answers(page, "--pid=host")
                await page.until(ALERT)
                entry = json.dumps(["sh", "-c", f"({_ATTACK}) >/tmp/said 2>&1"])
                await _answers(page, shlex.join(["--privileged", f"--entrypoint={entry}"]))
                await page.shows("not yet", seconds=600)

            learners = [learn(f"learner{at}", *row) for at, row in enumerate(ANSWERS.items())]
            await asyncio.gather(*learners, attack())
            most, refused = memory.measured()
    assert len(seconds) == len(ANSWERS)
    assert (refused, most < ROOM / 2) == (0, True)
    report = json.loads(train("report", "--format", "json"))
    assert [learner["passed"] for learner in report["learners"]] == [1] * len(ANSWERS) + [0]
    with capsys.disabled():
        sys.stderr.write(f"seconds of each lab: {seconds}; {most >> 20} MiB at the most\n")
