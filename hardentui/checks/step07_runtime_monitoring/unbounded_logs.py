"""A log file without a size limit.

What it checks:
For drivers that write their own file (k8s-file, json-file): whether its size is limited, for the container
(`--log-opt max-size`) or for all (`log_size_max` in containers.conf). For a running container, the limit that
its log is written with counts, wherever Podman read it. A limit above the parameter `largest` is none. The
journal limits itself.

Why it matters:
A log without a limit grows with the traffic, and whoever sends the requests decides how fast. An attacker who
makes a service log errors fills the host's disk; then every container on it stops, the database loses its
last transactions, and nothing more is logged, which may be the whole point.

What may break:
When the limit is reached, older lines are deleted. Forward the logs to another machine, or choose a size that
holds as many days as you need.
"""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.configuration import Configuration, Value
from hardentui.model.trust import TrustFacts
from hardentui.options import LOG_DRIVER, LOG_OPT
from hardentui.options.codecs import size_of
from hardentui.reading.logs import FILE_DRIVERS, log_driver, log_is_passed_on, log_limit


def evaluate(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    if is_infra(facts):
        return not_applicable("a pod's infra container writes no logs")
    driver = log_driver(facts)
    if isinstance(driver, Unread):
        return unknown(driver.reason)
    if driver == "none":
        return not_applicable("no log is kept (see no-logs)")
    declared = f"log driver {driver}"
    if passed_on := log_is_passed_on(facts):
        return unknown(passed_on, declared)
    if driver not in FILE_DRIVERS:
        return passed(declared, reason="the journal limits its own size")
    limit = log_limit(facts)
    if isinstance(limit, Unread):
        return unknown(f"the engine's limit is not known: {limit.reason}", declared)
    if not limit:
        return failed("the log file has no size limit", f"{declared}, no max-size")
    largest = parameters.text("largest")
    if _bytes(limit) > _bytes(largest):
        reason = f"the log may grow to {limit}, more than {largest}"
        return failed(reason, f"{declared}, max-size {limit}", evidence=(Evidence("max-size", limit),))
    return passed(declared, evidence=(Evidence("max-size", limit),))


def _bytes(size: str) -> int:
    return size_of(size.removesuffix(" bytes"))


def remediate(spec: Spec, context: FixContext) -> Spec:
    planned = context.facts.planned(spec)
    limit = log_limit(planned)
    if log_driver(planned) not in FILE_DRIVERS:
        return spec
    if isinstance(limit, str) and limit and _bytes(limit) <= _bytes(context.parameters.text("largest")):
        return spec
    kept = tuple(option for option in spec[LOG_OPT] if option.partition("=")[0] != "max-size")
    return spec.with_(LOG_OPT, (*kept, f"max-size={context.parameters.text('size')}"))


_ENGINE = rootful(trust=TrustFacts(configuration=Configuration()))
_LIMITED = Configuration({"containers.log_size_max": Value(1 << 20, "/etc/containers/containers.conf")})

CHECK = Check(
    title="No log size limit",
    severity=Severity.MEDIUM,  # a full disk stops the neighbours
    points=2,
    summary="Limit the size of the log file",
    fix=FixKind.RECREATE,
    risk=Risk.SAFE,
    evaluate=evaluate,
    remediate=remediate,
    parameters={"size": "10mb", "largest": "10gb"},
    takes={"size": "log-size"},
    passes=lambda: (
        container((LOG_DRIVER, "k8s-file"), (LOG_OPT, ("max-size=10mb",))),
        container((LOG_DRIVER, "journald")),
        container((LOG_DRIVER, "k8s-file"), engine=rootful(trust=TrustFacts(configuration=_LIMITED))),
    ),
    fails=lambda: (
        container((LOG_DRIVER, "k8s-file"), engine=_ENGINE),
        container((LOG_DRIVER, "k8s-file"), (LOG_OPT, ("max-size=500g",)), engine=_ENGINE),
        container((LOG_DRIVER, "json-file"), (LOG_OPT, ("tag=web", "max-size=0")), engine=_ENGINE),
    ),
    references=("CIS Docker 1.6 2.13", "CSVS 9.5"),
    catalogue="S7-04",
)
