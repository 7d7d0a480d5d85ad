"""In a real headless Chromium: a whole lab done by keyboard, and the HTML report looked at."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession, ClientWebSocketResponse
from aiohttp.test_utils import unused_port

from hardentui.__main__ import main
from tests.conftest import cannot_run

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]
_ESCAPES = re.compile(rb"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07]*\x07|[@-Z\\-_])")
_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --window-size=1200,800"
)


class Page:
    """One page of a browser, driven by the Chrome DevTools Protocol."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0
        self._output = b""
        self.requests: list[str] = []

    async def open(self, address: str) -> None:
        await self.call("Network.enable")
        await self.call("Page.navigate", url=address)

    async def call(
        self,
        method: str,
        **parameters: Any,
    ) -> dict[str, Any]:
        self._number += 1
        await self._socket.send_json(
            {
                "id": self._number,
                "method": method,
                "params": parameters,
            }
        )
        while True:
            answer = await self._socket.receive_json(timeout=30)
            if answer.get("method") == "Network.requestWillBeSent":
                self.requests.append(str(answer["params"]["request"]["url"]))
            if answer.get("method") == "Network.webSocketFrameReceived":
                frame = answer["params"]["response"]
                if frame["opcode"] == 2:  # what the app draws; the terminal of the page is a canvas
                    self._output += base64.b64decode(frame["payloadData"])
            if answer.get("id") == self._number:
                result: dict[str, Any] = answer.get("result", {})
                return result

    async def evaluate(self, expression: str) -> Any:
        answer = await self.call(
            "Runtime.evaluate",
            expression=expression,
            returnByValue=True,
        )
        return answer.get("result", {}).get("value")

    async def press(self, *keys: str) -> None:
        for key in keys:
            code = {"Enter": 13, "ArrowDown": 40, "Escape": 27}.get(key, 0)
            text = "\r" if key == "Enter" else key if len(key) == 1 else ""
            for kind in ("keyDown", "keyUp"):
                named: dict[str, Any] = (
                    {"key": key, "windowsVirtualKeyCode": code} if code else {"key": key}
                )
                await self.call(
                    "Input.dispatchKeyEvent",
                    type=kind,
                    **named,
                    **({"text": text} if kind == "keyDown" else {}),
                )

    async def shows(self, *texts: str) -> None:
        """Wait until all of these were drawn since the last time."""
        for _ in range(600):
            drawn = _ESCAPES.sub(b"", self._output).decode("utf-8", "replace")
            if all(text in drawn for text in texts):
                self._output = b""
                return
            await self.evaluate("1")
            await asyncio.sleep(0.1)
        raise AssertionError(f"{texts} were not drawn:\n{drawn[-3000:]}")


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[str]:
    port = unused_port()
    words = [
        sys.executable,
        "-m",
        "hardentui",
        "train",
        "--serve",
        str(port),
    ]
    process = await asyncio.create_subprocess_exec(
        *words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=Path(__file__).parents[2]
    )
    try:
        assert process.stdout is not None
        line = (await process.stdout.readline()).decode()
        yield line.rpartition(" ")[2].strip()
    finally:
        process.terminate()
        await process.communicate()


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    chromium = shutil.which("chromium")
    if chromium is None:
        cannot_run("a program is missing; run: apt-get install chromium")
    port = unused_port()
    words = [
        chromium,
        *_FLAGS.split(),
        f"--user-data-dir={tmp_path}",
        f"--remote-debugging-port={port}",
    ]
    process = await asyncio.create_subprocess_exec(
        *words, "about:blank", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        async with ClientSession() as session:
            target = await _eventually(lambda: _first_page(session, port))
            async with session.ws_connect(target, max_msg_size=0) as socket:
                yield Page(socket)
    finally:
        process.terminate()
        await process.wait()


async def _first_page(session: ClientSession, port: int) -> str:
    async with session.get(f"http://127.0.0.1:{port}/json") as answer:
        pages = json.loads(await answer.text())
        return str(next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page"))


async def _eventually(attempt: Callable[[], Any]) -> str:
    for _ in range(300):
        try:
            return str(await attempt())
        except (OSError, ClientError, ValueError, StopIteration):
            await asyncio.sleep(0.2)
    raise AssertionError("the browser did not come up")


@pytest.mark.long  # daily by keyboard in a terminal: tests/tui/test_training.py
async def test_a_lab_is_done_in_a_browser_by_keyboard(
    address: str,
    page: Page,
) -> None:
    await page.open(address)
    await page.shows("0 of 30 labs passed", "Your first fix")
    assert "token" not in str(await page.evaluate("location.href"))
    await page.evaluate("document.querySelector('.xterm-helper-textarea').focus()")
    await page.press("Enter")
    await page.shows("Lab: Your first fix", "not yet")
    await page.press("i", "Enter")
    await page.shows("Solved.")
    await page.press("Escape")
    await page.shows("1 of 30 labs passed")
    home = address.partition("?")[0]
    assert [url for url in page.requests if not url.startswith((home, "data:"))] == []


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
