"""The container's output is thrown away.

What it checks:
Whether the log driver is `none`, set for the container or as the engine's default, or the log goes to
/dev/null. With the driver `passthrough`, only systemd is known to keep the output.

Why it matters:
What a service writes to its output is often the only trace of an attack: failed logins, strange requests, the
error before a crash. With the driver `none`, it is gone the moment it is written. Nobody can tell afterwards
how somebody got in, what was taken, and whether it is over.

What may break:
Very little. Logs take space (see unbounded-logs) and may contain personal data, which is subject to rules.
The driver `journald` needs a running journal; without one, set the parameter `driver` to k8s-file.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.options import LOG_DRIVER, LOG_OPT
from hardentui.reading.containers import engine_info
from hardentui.reading.logs import log_driver, log_goes_nowhere, log_is_passed_on


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    if is_infra(facts):
        return not_applicable("a pod's infra container writes no logs")
    driver = log_driver(facts)
    if isinstance(driver, Unread):
        return unknown(driver.reason)
    if driver == "none":
        from_engine = not facts.spec[LOG_DRIVER] and engine_info(facts.engine, "").get("logDriver") == "none"
        reason = "no log is kept, which is the engine's default" if from_engine else "no log is kept"
        return failed(reason, f"log driver {driver}")
    if log_goes_nowhere(facts):
        return failed("the log is written to /dev/null", f"log driver {driver}, path=/dev/null")
    if passed_on := log_is_passed_on(facts):
        return unknown(passed_on, f"log driver {driver}")
    return passed(f"log driver {driver}")


def remediate(spec: Spec, context: FixContext) -> Spec:
    planned = context.facts.planned(spec)
    if log_goes_nowhere(planned):
        return spec.with_(LOG_OPT, tuple(o for o in spec[LOG_OPT] if not o.startswith("path=")))
    if log_driver(planned) != "none":
        return spec
    driver = context.parameters.text("driver")
    if driver in ("", "none"):
        raise CannotFix("the driver none keeps no logs", "Use journald or k8s-file.")
    return spec.with_(LOG_DRIVER, driver)


CHECK = Check(
    title="No logs kept",
    severity=Severity.MEDIUM,  # traces are missing
    points=1,
    summary="Send the container's log to the journal",
    fix=FixKind.RECREATE,
    risk=Risk.SAFE,
    evaluate=evaluate,
    remediate=remediate,
    parameters={"driver": "journald"},
    takes={"driver": "log-driver"},
    passes=lambda: (
        container((LOG_DRIVER, "journald")),
        container(
            (LOG_DRIVER, "passthrough"),
            inspect={"Config": {"Labels": {"PODMAN_SYSTEMD_UNIT": "web.service"}}},
        ),
        container(engine=rootful(info={"host": {"logDriver": "k8s-file"}})),
    ),
    fails=lambda: (
        container((LOG_DRIVER, "none")),
        container(engine=rootful(info={"host": {"logDriver": "none"}})),
        container((LOG_DRIVER, "k8s-file"), (LOG_OPT, ("max-size=1mb", "path=/dev/null"))),
    ),
    references=("CIS Docker 1.6 2.13", "NIST SP 800-190 4.4.5", "CSVS 9.1"),
    catalogue="S7-03",
)
