"""Headless Chromiums for tests, driven by the Chrome DevTools Protocol."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientError, ClientSession, ClientWebSocketResponse
from aiohttp.test_utils import unused_port

from tests.conftest import cannot_run

_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --window-size=1200,800"
)


class Page:
    """One page of a browser, driven by the Chrome DevTools Protocol."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket
        self._number = 0
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
            answer = await self._socket.receive_json(timeout=300)
            if answer.get("method") == "Network.requestWillBeSent":
                self.requests.append(str(answer["params"]["request"]["url"]))
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
            code = {"Enter": 13, "Tab": 9, "Backspace": 8}.get(key, 0)
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

    async def until(self, expression: str) -> None:
        """Wait until the page is so."""
        for _ in range(600):
            if await self.evaluate(f"Boolean({expression})"):
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{expression} was never so")

    async def shows(self, *texts: str, seconds: int = 60) -> None:
        """Wait until the page has all of these."""
        for _ in range(seconds * 10):
            text = str(await self.evaluate("document.body ? document.body.innerText : ''"))
            if all(wanted in text for wanted in texts):
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{texts} were not shown:\n{text[-3000:]}")


@asynccontextmanager
async def browser(directory: Path) -> AsyncIterator[Page]:
    """A Chromium of its own, with one page."""
    chromium = shutil.which("chromium")
    if chromium is None:
        cannot_run("a program is missing; run: apt-get install chromium")
    port = unused_port()
    words = [
        chromium,
        *_FLAGS.split(),
        f"--user-data-dir={directory}",
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


ALERT = "document.querySelector('[role=alert]')"


async def submit(page: Page, form: str) -> None:
    """Submit a form of a page, once that has been loaded: a page that still loads forgets it."""
    element = f"document.querySelector({json.dumps(form)})"
    for _ in range(600):
        if await page.evaluate(f"document.readyState === 'complete' && !!{element}"):
            break
        await asyncio.sleep(0.1)
    await page.evaluate(f"{element}.requestSubmit()")
