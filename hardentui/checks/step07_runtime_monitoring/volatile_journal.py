"""The host's journal is lost at reboot.

What it checks:
Where systemd's journal is stored (`Storage=` in journald.conf and its drop-ins; with `auto`, whether
/var/log/journal exists), and whether it is forwarded to a running syslog service. Containers with the log
driver journald, the engine's events and the kernel's denials all end up there.

Why it matters:
If the journal is only in memory, an intruder who reaches the host, or just crashes it, erases every trace
with one reboot. It is also lost with every power cut and kernel update: nobody can tell when a container
began to misbehave, who opened a shell in it, or what the kernel denied.

What may break:
A journal on disk takes space: up to a tenth of the filesystem, at most 4 GB, unless `SystemMaxUse=` says
otherwise. On flash storage it adds writes.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.host import JournalStorage

_COMMANDS = (
    "mkdir -p /etc/systemd/journald.conf.d",
    "printf '[Journal]\\nStorage=persistent\\n' > /etc/systemd/journald.conf.d/50-persistent.conf",
    "systemctl restart systemd-journald",
)


def evaluate(facts: HostFacts) -> Verdict:
    journal = facts.journal
    if journal is None:
        return not_applicable("systemd is not running here, so there is no journal")
    declared = f"Storage={journal.storage}"
    evidence = (
        Evidence(journal.file or "journald.conf", declared if journal.file else "Storage is not set"),
    )
    if journal.kept:
        return passed(declared, "kept on disk", evidence)
    if journal.forwarded:
        return passed(declared, "forwarded to the syslog service", evidence)
    where = "is not stored" if journal.storage == "none" else "is in memory only"
    return failed(
        f"the journal {where}, and is not forwarded to syslog",
        declared,
        where,
        evidence,
        None,
        _COMMANDS,
    )


CHECK = Check(
    title="Journal lost at reboot",
    severity=Severity.LOW,  # traces end with a reboot
    kind=Kind.HOST,
    summary="Store the journal on disk",
    fix=FixKind.HOST_FILE,
    risk=Risk.SAFE,
    evaluate=evaluate,
    passes=lambda: (
        HostFacts(journal=JournalStorage()),
        HostFacts(journal=JournalStorage("volatile", kept=False, forwarded=True)),
        HostFacts(journal=None),
    ),
    fails=lambda: (
        HostFacts(journal=JournalStorage("auto", kept=False)),
        HostFacts(journal=JournalStorage("none", kept=False, file="/etc/systemd/journald.conf")),
    ),
    references=("Catalogue S7-04", "CIS Docker 1.6 2.13", "CSVS 9.5"),
)
