"""Check with nft whether rules are valid; nothing is loaded."""

from __future__ import annotations

import subprocess

from hardentui.host.commands import program_environment
from hardentui.model.known import Known, Unread
from hardentui.visible import visible

_SECONDS = 5.0


def check_rules(text: str) -> Known[str]:
    """Empty if nft accepts the rules, else its first error; Unread if it could not be run."""
    try:
        done = subprocess.run(
            ["nft", "--check", "--file", "-"],
            input=text.encode(),
            capture_output=True,
            timeout=_SECONDS,
            env=program_environment(),
            check=False,
        )
    except FileNotFoundError:
        return Unread("the program nft is not installed")
    except subprocess.TimeoutExpired:
        return Unread(f"nft did not answer within {_SECONDS:g} s")
    except OSError as error:
        return Unread(f"nft cannot be run: {error.strerror}")
    complaint = done.stderr.decode("utf-8", "replace").strip()
    if done.returncode and "Operation not permitted" in complaint:
        return Unread("only root can run nft")
    return visible(complaint.splitlines()[0], 300) if done.returncode and complaint else ""
