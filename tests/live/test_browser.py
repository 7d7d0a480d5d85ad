"""In real headless Chromiums: a whole lab done by keyboard, a class of ten at once, one of whom
attacks; and the HTML report looked at."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest
from aiohttp import ClientError, ClientSession, CookieJar
from aiohttp.test_utils import unused_port

from hardentui.__main__ import main
from tests.support.chromium import ALERT, Page, browser, submit

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]


@asynccontextmanager
async def serving(home: Path, *names: str) -> AsyncIterator[dict[str, str]]:
    """A served class on the simulated host; yields the link of each learner."""
    directory = Path(__file__).parents[2]
    environment = {**os.environ, "HOME": str(home), "XDG_STATE_HOME": str(home / "state")}
    ours = [sys.executable, "-m", "hardentui", "train"]
    for words in (("class", "new", *names), ("class", "start")):
        done = await asyncio.create_subprocess_exec(
            *ours, *words, env=environment, cwd=directory, stdout=subprocess.DEVNULL
        )
        assert await done.wait() == 0
    process = await asyncio.create_subprocess_exec(
        *ours,
        "--demo",
        "--serve",
        str(unused_port()),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=directory,
        env=environment,
    )
    try:
        assert process.stdout is not None
        lines = [(await process.stdout.readline()).decode() for _ in names]
        yield {name: link.strip() for name, _, link in (line.partition(": ") for line in lines)}
    finally:
        process.terminate()
        await process.communicate()


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    async with browser(tmp_path / "chromium") as opened:
        yield opened


async def test_a_lab_is_done_in_a_browser_by_keyboard_without_a_click(
    page: Page,
    tmp_path: Path,
) -> None:
    async with serving(tmp_path, "anna") as links:
        await page.open(links["anna"])
        await page.shows("anna", "0 of 36 labs passed", "Your first fix")
        assert "token" not in str(await page.evaluate("location.href"))
        await page.press("Tab", "Tab", "Tab", "Enter")
        await page.shows("Your task", "not yet", "0 of 3 done")
        assert await page.evaluate("document.activeElement.id") == "text"
        await page.evaluate("document.activeElement.select()")
        await page.press("Backspace", "Enter")
        await page.shows("Solved.", "3 of 3 done", "Next: “One container eats the host”")
        await page.call("Page.reload")
        await page.shows("Solved.")
        assert await page.evaluate("document.scripts.length") == 0
        assert await page.evaluate(_FAINT) == []
        for width in (1200, 360):
            size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
            await page.call("Emulation.setDeviceMetricsOverride", **size)
            assert await page.evaluate(_TOO_WIDE) <= 0, f"at {width} it has to be scrolled sideways"
        names = await page.call("Accessibility.getFullAXTree")
        roles = {node["role"]["value"] for node in names["nodes"] if "role" in node}
        assert {"main", "heading", "textbox", "button", "banner", "region"} <= roles
        home = links["anna"].partition("?")[0]
        assert [url for url in page.requests if not url.startswith((home, "data:"))] == []


_ANSWERS = {
    "first-run": "",
    "memory-limit": "--memory=64m --memory-swap=64m",
    "read-only": "--read-only",
    "fixed-version": "--image=1.0",
    "a-group-too-many": "",
    "not-root": "--user=1000:1000",
    "fork-bomb": "--pids-limit=20",
    "kernel-settings": "",
    "small-image": "--image=slim",
}
"""Lab -> the answer of a learner."""


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_ten_learners_in_ten_browsers_one_of_whom_attacks(tmp_path: Path) -> None:
    names = [*(f"learner{number}" for number in range(len(_ANSWERS))), "mallory"]
    async with serving(tmp_path, *names) as links, AsyncExitStack() as opened:
        pages = {name: await opened.enter_async_context(browser(tmp_path / name)) for name in names}

        async def learn(name: str, lab: str, answer: str) -> None:
            page = pages[name]
            await page.open(links[name])
            await page.shows(name, "0 of 36 labs passed")
            await submit(page, f"form:has(input[value='{lab}'])")
            await page.shows("Your task")
            await page.evaluate(f"document.getElementById('text').value = {json.dumps(answer)}")
            await submit(page, "form[action='/run']")
            await page.shows("Solved.", "1 of 36 labs passed")

        async def attack() -> None:
            page = pages["mallory"]
            await page.open(links["mallory"])
            await page.shows("mallory")
            for options in (
                "--volume=/etc:/etc",
                "--mount=type=bind,source={folder},src=/etc,target=/etc",
                "--env-file=/etc/passwd",
                "--network=host",
                "--pid=host",
            ):
                await submit(page, "form[action='/start']")
                await page.until(
                    "document.querySelector('main form[action=\"/run\"]') && !" + ALERT
                )
                await page.evaluate(
                    f"document.getElementById('text').value = {json.dumps(options)}"
                )
                await submit(page, "form[action='/run']")
                await page.until(ALERT)

            # a page of ours may ask for nothing but forms: the rest is done without a browser
            async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as session:
                async with session.get(links["mallory"]) as answer:
                    assert answer.status == 200
                home = links["mallory"].partition("?")[0]
                for path in ("static/", "class.json", "..%2fclass.json", "learners/learner0.json"):
                    async with session.get(home + path) as answer:
                        assert answer.status == 404
                await asyncio.gather(*(_asked(session, home) for _ in range(300)))

        await asyncio.gather(
            *(
                learn(f"learner{at}", lab, answer)
                for at, (lab, answer) in enumerate(_ANSWERS.items())
            ),
            attack(),
        )


async def _asked(session: ClientSession, address: str) -> None:
    with suppress(ClientError):
        async with session.get(address) as answer:
            await answer.read()


_LOADED = "document.readyState === 'complete' && document.querySelectorAll('h2').length > 0"
_TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
_FAINT = """
(() => {
  const parse = text => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      if (color.length && (color.length < 4 || color[3] > 0.99)) return color;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const element of document.querySelectorAll('body *')) {
    if (element.closest('svg') || !element.checkVisibility()) continue;
    const texts = [...element.childNodes].filter(node => node.nodeType === 3);
    const own = texts.map(node => node.data).join('').trim();
    if (!own) continue;
    const [ink, ground] = [light(parse(getComputedStyle(element).color)), light(behind(element))];
    const ratio = (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
    if (ratio < 4.5) faint.push(`${own.slice(0, 40)}: ${ratio.toFixed(2)}`);
  }
  return [...new Set(faint)].slice(0, 10);
})()
"""


async def test_the_html_report_stands_alone_and_is_readable_light_dark_narrow_and_printed(
    page: Page,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = tmp_path / "report.html"
    assert (
        main(
            [
                "check",
                "--demo",
                "--format",
                "html",
                "-o",
                str(report),
            ]
        )
        == 1
    )
    await page.open(report.as_uri())
    for _ in range(300):
        if await page.evaluate(_LOADED):
            break
        await asyncio.sleep(0.1)
    assert await page.evaluate(_LOADED)
    assert {url for url in page.requests if not url.startswith("data:")} == {report.as_uri()}
    assert await page.evaluate("document.scripts.length") == 0
    assert await page.evaluate("document.querySelector('svg').getBoundingClientRect().width") > 200
    grounds = set()
    for scheme in ("light", "dark"):
        feature = {"name": "prefers-color-scheme", "value": scheme}
        await page.call(
            "Emulation.setEmulatedMedia",
            media="",
            features=[feature],
        )
        grounds.add(await page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert await page.evaluate(_FAINT) == [], scheme
    assert len(grounds) == 2, "dark is another page than light"
    for width in (1200, 420):
        size = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        await page.call("Emulation.setDeviceMetricsOverride", **size)
        assert await page.evaluate(_TOO_WIDE) <= 0, f"at {width} it has to be scrolled sideways"
    printed = base64.b64decode((await page.call("Page.printToPDF"))["data"])
    assert printed.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) > 1
