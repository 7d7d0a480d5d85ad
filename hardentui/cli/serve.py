"""hardentui serve: training in a browser, on the simulated host."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from importlib.util import find_spec

from hardentui.cli.parser import Given
from hardentui.cli.terminal import Terminal
from hardentui.errors import ToolMissing, UsageError

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--port", type=int, default=8000, metavar="PORT", help="port to listen on; default: 8000"
    )
    parser.add_argument(
        "--host",
        action=Given,
        default="127.0.0.1",
        metavar="ADDRESS",
        help="address to listen on; default: 127.0.0.1",
    )
    parser.add_argument(
        "--public",
        action=Given,
        default="",
        metavar="URL",
        help="the address that browsers use: https://… of a TLS proxy",
    )
    parser.add_argument("--sessions", type=int, default=20, metavar="N", help="learners at once; default: 20")


def run(options: Namespace, terminal: Terminal) -> int:
    if find_spec("textual_serve") is None:
        raise ToolMissing(
            "hardentui serve needs textual-serve, which is not installed.",
            "Install the extra [web] from a checkout: pipx install --force '.[web]'",
        )
    if not 0 < options.port < 65536 or options.sessions < 1:
        raise UsageError("--port is 1 to 65535, and --sessions 1 or more.")
    if options.host not in _LOOPBACK and not options.public.startswith("https://"):
        raise UsageError(
            f"{options.host} can be reached from other machines, and the token would be sent unencrypted.",
            "Put a TLS proxy in front of it and pass its address: --public https://…; or use ssh -L.",
        )
    from hardentui.serving import TrainingServer  # completion reads the options without the extra [web]

    server = TrainingServer(
        host=options.host, port=options.port, sessions=options.sessions, public=options.public
    )
    terminal.write(f"Training in a browser, on the simulated host: {server.address}\n")
    terminal.note("Anyone with this address can take part. Ctrl-C ends the session for everybody.")
    server.serve()
    return 0
