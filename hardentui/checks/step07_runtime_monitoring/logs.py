"""Logs and events."""

from __future__ import annotations

from hardentui.checks.prelude import *
from hardentui.model.configuration import Value
from hardentui.model.host import JournalStorage
from hardentui.options.codecs import size_of
from hardentui.reading.containers import engine_info
from hardentui.reading.logs import (
    FILE_DRIVERS,
    log_driver,
    log_goes_nowhere,
    log_is_passed_on,
    log_limit,
)

_CREATE_DATA = "events_container_create_inspect_data"
_DROP_IN = "# /etc/containers/containers.conf.d/50-events.conf"

_KEPT = Configuration({f"engine.{_CREATE_DATA}": Value(True, "/etc/containers/containers.conf")})

_JOURNAL = {"host": {"eventLogger": "journald"}}


@Check(
    gives=Gain.PERSISTENCE.at_once,  # traces of what was started are missing
    summary="Log events to the journal, with the configuration of new containers",
    risk=Risk.SAFE,
    passes=lambda: (
        rootful(
            info=_JOURNAL,
            trust=TrustFacts(configuration=_KEPT),
        ),
    ),
    fails=lambda: (
        rootful(info={"host": {"eventLogger": "none"}}),
        rootful(
            info=_JOURNAL,
            trust=TrustFacts(configuration=Configuration()),
        ),
    ),
    references=("NIST SP 800-190 4.4.5", "CSVS 9.1"),
)
def engine_events_off(facts: EngineFacts) -> Verdict:
    """Engine events logged incompletely.

    What it checks:
    Whether the engine writes events at all (its event logger is not `none`), and whether the event
    of a new container keeps the container's configuration (`events_container_create_inspect_data`
    in containers.conf).

    Why it matters:
    Events say which container was started, stopped, changed or entered with exec, and when. An
    attacker who uses the engine starts a container, takes what they want and removes it again:
    after that, only the events know that it existed. With the configuration, they also show which
    host directories it had mounted.

    What may break:
    Nothing. The journal grows; the configuration of each new container is a few kilobytes and may
    contain environment variables, so it matters who can read the journal.
    """
    logger = str((facts.info.get("host") or {}).get("eventLogger") or "")
    if not logger:
        return unknown("the engine does not report its event logger")
    declared = f"event logger {logger}"
    evidence = (Evidence("podman info, host.eventLogger", logger),)
    if logger == "none":
        lines = (_DROP_IN, "[engine]", 'events_logger = "journald"')
        return failed(
            "the engine writes no events",
            declared,
            evidence=evidence,
            commands=lines,
        )
    configuration = facts.trust.configuration
    if isinstance(configuration, Unread):
        return unknown(
            f"containers.conf could not be read: {configuration.reason}", declared, evidence
        )
    if configuration.get(f"engine.{_CREATE_DATA}") is True:
        return passed(declared, evidence=evidence)
    if configuration.fault:
        return unknown(configuration.fault, declared, evidence)
    return failed(
        "the event of a new container does not include its configuration",
        declared,
        evidence=evidence,
        gives=Gain.PERSISTENCE.after(1),
        commands=(_DROP_IN, "[engine]", f"{_CREATE_DATA} = true"),
    )


def _fix_no_logs(spec: Spec, context: FixContext) -> Spec:
    planned = context.facts.planned(spec)
    if log_goes_nowhere(planned):
        return spec.with_(
            LOG_OPT,
            tuple(o for o in spec[LOG_OPT] if not o.startswith("path=")),
        )
    if log_driver(planned) != "none":
        return spec
    driver = context.parameters.text("driver")
    if driver in ("", "none"):
        raise CannotFix("the driver none keeps no logs", "Use journald or k8s-file.")
    return spec.with_(LOG_DRIVER, driver)


@Check(
    gives=Gain.PERSISTENCE.at_once,  # traces are missing
    points=1,
    summary="Send the container's log to the journal",
    risk=Risk.SAFE,
    remediate=_fix_no_logs,
    parameters={"driver": "journald"},
    takes={"driver": "log-driver"},
    passes=lambda: (
        "--log-driver=journald",
        container(
            "--log-driver=passthrough",
            inspect={"Config": {"Labels": {"PODMAN_SYSTEMD_UNIT": "web.service"}}},
        ),
        container(engine=rootful(info={"host": {"logDriver": "k8s-file"}})),
    ),
    fails=lambda: (
        "--log-driver=none",
        container(engine=rootful(info={"host": {"logDriver": "none"}})),
        "--log-driver=k8s-file --log-opt=max-size=1mb --log-opt=path=/dev/null",
    ),
    references=("CIS Docker 1.6 2.13", "CSVS 9.1"),
)
def no_logs(facts: ContainerFacts, parameters: Parameters) -> Verdict:
    """No logs kept.

    What it checks:
    Whether the log driver is `none`, set for the container or as the engine's default, or the log
    goes to /dev/null. With the driver `passthrough`, only systemd is known to keep the output.

    Why it matters:
    What a service writes to its output is often the only trace of an attack: failed logins, strange
    requests, the error before a crash. With the driver `none`, it is gone the moment it is written.
    Nobody can tell afterwards how someone got in, what was taken, and whether it is over.

    What may break:
    Very little. Logs take space (see unbounded-logs) and may contain personal data, which is
    subject to rules. The driver `journald` needs a running journal; without one, set the parameter
    `driver` to k8s-file.
    """
    if is_infra(facts):
        return not_applicable("a pod's infra container writes no logs")
    driver = need(log_driver(facts))
    if driver == "none":
        from_engine = (
            not facts.spec[LOG_DRIVER] and engine_info(facts.engine, "").get("logDriver") == "none"
        )
        reason = (
            "no log is kept, which is the engine's default" if from_engine else "no log is kept"
        )
        return failed(reason, f"log driver {driver}")
    if log_goes_nowhere(facts):
        return failed(
            "the log is written to /dev/null",
            f"log driver {driver}, path=/dev/null",
        )
    if passed_on := log_is_passed_on(facts):
        return unknown(passed_on, f"log driver {driver}")
    return passed(f"log driver {driver}")


def _fix_unbounded_logs(spec: Spec, context: FixContext) -> Spec:
    planned = context.facts.planned(spec)
    limit = log_limit(planned)
    if log_driver(planned) not in FILE_DRIVERS:
        return spec
    if (
        isinstance(limit, str)
        and limit
        and _bytes(limit) <= _bytes(context.parameters.text("largest"))
    ):
        return spec
    kept = tuple(option for option in spec[LOG_OPT] if option.partition("=")[0] != "max-size")
    return spec.with_(
        LOG_OPT,
        (*kept, f"max-size={context.parameters.text('size')}"),
    )


_ENGINE = rootful(trust=TrustFacts(configuration=Configuration()))

_LIMITED = Configuration(
    {"containers.log_size_max": Value(1 << 20, "/etc/containers/containers.conf")}
)


@Check(
    gives=Gain.DISTURBANCE.at_once,  # a full disk stops the neighbours
    points=2,
    summary="Limit the size of the log file",
    risk=Risk.SAFE,
    remediate=_fix_unbounded_logs,
    parameters={"size": "10mb", "largest": "10gb"},
    takes={"size": "log-size"},
    passes=lambda: (
        "--log-driver=k8s-file --log-opt=max-size=10mb",
        "--log-driver=journald",
        container(
            "--log-driver=k8s-file", engine=rootful(trust=TrustFacts(configuration=_LIMITED))
        ),
    ),
    fails=lambda: (
        container("--log-driver=k8s-file", engine=_ENGINE),
        container(
            "--log-driver=k8s-file --log-opt=max-size=500g",
            engine=_ENGINE,
        ),
        container(
            "--log-driver=json-file --log-opt=tag=web --log-opt=max-size=0",
            engine=_ENGINE,
        ),
    ),
    references=("CSVS 9.5",),
)
def unbounded_logs(
    facts: ContainerFacts,
    parameters: Parameters,
) -> Verdict:
    """No log size limit.

    What it checks:
    For drivers that write their own file (k8s-file, json-file): whether its size is limited, for
    the container (`--log-opt max-size`) or for all (`log_size_max` in containers.conf). For a
    running container, the limit that its log is written with counts, wherever Podman read it. A
    limit above the parameter `largest` is none. The journal limits itself.

    Why it matters:
    A log without a limit grows with the traffic, and whoever sends the requests decides how fast.
    An attacker who makes a service log errors fills the host's disk; then every container on it
    stops, the database loses its last transactions, and nothing more is logged, which may be the
    whole point.

    What may break:
    When the limit is reached, older lines are deleted. Forward the logs to another machine, or
    choose a size that holds as many days as you need.
    """
    if is_infra(facts):
        return not_applicable("a pod's infra container writes no logs")
    driver = need(log_driver(facts))
    if driver == "none":
        return not_applicable("no log is kept (see no-logs)")
    declared = f"log driver {driver}"
    if passed_on := log_is_passed_on(facts):
        return unknown(passed_on, declared)
    if driver not in FILE_DRIVERS:
        return passed(declared, reason="the journal limits its own size")
    limit = log_limit(facts)
    if isinstance(limit, Unread):
        return unknown(
            f"the engine's limit is not known: {limit.reason}", declared, source=limit.source
        )
    if not limit:
        return failed("the log file has no size limit", f"{declared}, no max-size")
    largest = parameters.text("largest")
    if _bytes(limit) > _bytes(largest):
        reason = f"the log may grow to {limit}, more than {largest}"
        return failed(
            reason, f"{declared}, max-size {limit}", evidence=(Evidence("max-size", limit),)
        )
    return passed(declared, evidence=(Evidence("max-size", limit),))


def _bytes(size: str) -> int:
    return size_of(size.removesuffix(" bytes"))


_COMMANDS = (
    "mkdir -p /etc/systemd/journald.conf.d",
    "printf '[Journal]\\nStorage=persistent\\n' > /etc/systemd/journald.conf.d/50-persistent.conf",
    "systemctl restart systemd-journald",
)


@Check(
    gives=Gain.PERSISTENCE.after(1),  # traces end with a reboot
    summary="Store the journal on disk",
    risk=Risk.SAFE,
    passes=lambda: (
        HostFacts(journal=JournalStorage()),
        HostFacts(
            journal=JournalStorage(
                "volatile",
                kept=False,
                forwarded=True,
            )
        ),
        HostFacts(journal=None),
    ),
    fails=lambda: (
        HostFacts(journal=JournalStorage("auto", kept=False)),
        HostFacts(
            journal=JournalStorage(
                "none",
                kept=False,
                file="/etc/systemd/journald.conf",
            )
        ),
    ),
    references=("CIS Docker 1.6 2.13", "CSVS 9.5"),
)
def volatile_journal(facts: HostFacts) -> Verdict:
    """Journal lost at reboot.

    What it checks:
    Where systemd's journal is stored (`Storage=` in journald.conf and its drop-ins; with `auto`,
    whether /var/log/journal exists), and whether it is forwarded to a running syslog service.
    Containers with the log driver journald, the engine's events and the kernel's denials all end up
    there.

    Why it matters:
    If the journal is only in memory, an intruder who reaches the host, or just crashes it, erases
    every trace with one reboot. It is also lost with every power cut and kernel update: nobody can
    tell when a container began to misbehave, who opened a shell in it, or what the kernel denied.

    What may break:
    A journal on disk takes space: up to a tenth of the filesystem, at most 4 GB, unless
    `SystemMaxUse=` says otherwise. On flash storage it adds writes.
    """
    journal = facts.journal
    if journal is None:
        return not_applicable("systemd is not running here, so there is no journal")
    declared = f"Storage={journal.storage}"
    evidence = (
        Evidence(
            journal.file or "journald.conf", declared if journal.file else "Storage is not set"
        ),
    )
    if journal.kept:
        return passed(declared, "kept on disk", evidence)
    if journal.forwarded:
        return passed(
            declared,
            "forwarded to the syslog service",
            evidence,
        )
    where = "is not stored" if journal.storage == "none" else "is in memory only"
    return failed(
        f"the journal {where}, and is not forwarded to syslog",
        declared,
        where,
        evidence,
        None,
        _COMMANDS,
    )
