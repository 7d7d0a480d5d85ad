"""Host files are open in the container without being mounted.

What it checks:
For a container that was started with `--preserve-fds` or `--preserve-fd`: which files and directories its
main process has open that belong to none of its mounts. Pipes and sockets, as for socket activation, are left
out.

Why it matters:
An open directory of the host is a way out: from there, `..` leads to the root of the host, past every mount,
with the rights of the container's user on the host. Inspect shows nothing of it. An open file can be read,
and written if it was opened for that, whatever the mounts say.

What may break:
Whatever the descriptors were passed for. Mount the file or directory instead; a listening socket can stay.
"""

from __future__ import annotations

from hardentui.checks.examples import container
from hardentui.model.check import Check
from hardentui.model.facts import ContainerFacts, HandedFile, Kernel
from hardentui.model.finding import Evidence, Severity, Verdict, failed, not_applicable, passed, unknown
from hardentui.model.fix import FixKind, Risk
from hardentui.model.known import Unreadable
from hardentui.reading.containers import listed


def evaluate(facts: ContainerFacts) -> Verdict:
    handed = facts.handed_over
    if handed is None:
        return not_applicable("no file descriptor was passed to it (--preserve-fds)")
    if not facts.running:
        return not_applicable("the container is not running, so nothing is open")
    if isinstance(handed, Unreadable):
        return unknown(handed.reason, "--preserve-fds")
    if not handed:
        return passed("--preserve-fds", "no host file is open")
    ways_out = [file.path for file in handed if file.directory]
    evidence = tuple(Evidence(f"file descriptor {file.number}", file.path) for file in handed)
    if ways_out:
        reason = f"every file of the host can be reached through {listed(ways_out)}"
        return failed(reason, "--preserve-fds", listed(ways_out), evidence)
    paths = listed([file.path for file in handed])
    return failed(f"{paths} is open", "--preserve-fds", paths, evidence, Severity.MEDIUM)


CHECK = Check(
    title="Host files open without a mount",
    severity=Severity.CRITICAL,
    takes_over=True,
    summary="Start it without the file descriptor, and mount what it needs",
    fix=FixKind.DECISION,
    risk=Risk.MAY_BREAK,
    evaluate=evaluate,
    passes=lambda: (container(), container(kernel=Kernel(7), handed_over=())),
    fails=lambda: (
        container(kernel=Kernel(7), handed_over=(HandedFile(3, "/srv", True),)),
        container(kernel=Kernel(7), handed_over=(HandedFile(4, "/etc/hostname", False),)),
    ),
    references=("podman-run(1) --preserve-fds", "CVE-2024-21626"),
)
