"""The engine keeps no complete record of its actions.

What it checks:
Whether the engine writes events at all (its event logger is not `none`), and whether the event of a new
container keeps the container's configuration (`events_container_create_inspect_data` in containers.conf).

Why it matters:
Events say which container was started, stopped, changed or entered with exec, and when. An attacker who uses
the engine starts a container, takes what they want and removes it again: after that, only the events know
that it existed. With the configuration, they also show which host directories it had mounted.

What may break:
Nothing. The journal grows; the configuration of each new container is a few kilobytes and may contain
environment variables, so it matters who can read the journal.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.configuration import Configuration, Value
from hardentui.model.trust import TrustFacts

_CREATE_DATA = "events_container_create_inspect_data"
_DROP_IN = "# /etc/containers/containers.conf.d/50-events.conf"


def evaluate(facts: EngineFacts) -> Verdict:
    logger = str((facts.info.get("host") or {}).get("eventLogger") or "")
    if not logger:
        return unknown("the engine does not report its event logger")
    declared = f"event logger {logger}"
    evidence = (Evidence("podman info, host.eventLogger", logger),)
    if logger == "none":
        lines = (_DROP_IN, "[engine]", 'events_logger = "journald"')
        return failed("the engine writes no events", declared, evidence=evidence, commands=lines)
    configuration = facts.trust.configuration
    if isinstance(configuration, Unread):
        return unknown(f"containers.conf could not be read: {configuration.reason}", declared, evidence)
    if configuration.get(f"engine.{_CREATE_DATA}") is True:
        return passed(declared, evidence=evidence)
    if configuration.fault:
        return unknown(configuration.fault.reason, declared, evidence)
    return failed(
        "the event of a new container does not include its configuration",
        declared,
        evidence=evidence,
        severity=Severity.LOW,
        commands=(_DROP_IN, "[engine]", f"{_CREATE_DATA} = true"),
    )


_KEPT = Configuration({f"engine.{_CREATE_DATA}": Value(True, "/etc/containers/containers.conf")})
_JOURNAL = {"host": {"eventLogger": "journald"}}

CHECK = Check(
    title="Engine events logged incompletely",
    severity=Severity.MEDIUM,  # traces of what was started are missing
    kind=Kind.ENGINE,
    summary="Log events to the journal, with the configuration of new containers",
    fix=FixKind.HOST_FILE,
    risk=Risk.SAFE,
    evaluate=evaluate,
    passes=lambda: (rootful(info=_JOURNAL, trust=TrustFacts(configuration=_KEPT)),),
    fails=lambda: (
        rootful(info={"host": {"eventLogger": "none"}}),
        rootful(info=_JOURNAL, trust=TrustFacts(configuration=Configuration())),
    ),
    references=("NIST SP 800-190 4.4.5", "CSVS 9.1"),
    catalogue="S7-06",
)
