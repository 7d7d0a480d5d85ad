"""The log driver in effect, and the size limit of its log."""

from __future__ import annotations

from hardentui.model.facts import ContainerFacts
from hardentui.model.known import Known, Unread, known
from hardentui.options import LOG_DRIVER, LOG_OPT
from hardentui.options.codecs import size_of
from hardentui.reading.containers import engine_info, section

_LIMIT = "containers.log_size_max"
FILE_DRIVERS = frozenset({"k8s-file", "json-file"})
_PASSED_ON = frozenset({"passthrough", "passthrough-tty"})
_UNIT_LABEL = "PODMAN_SYSTEMD_UNIT"


def log_driver(facts: ContainerFacts) -> Known[str]:
    """The driver: the container's, otherwise the engine's default, otherwise what inspect shows."""
    if facts.spec[LOG_DRIVER]:
        return facts.spec[LOG_DRIVER]
    default = engine_info(facts.engine, "").get("logDriver")
    if default:
        return str(default)
    shown = section(section(facts.inspect, "HostConfig"), "LogConfig").get("Type")
    if shown:  # it was created without a choice, so this is what the engine chooses
        return str(shown)
    return Unread("the engine's default log driver is not known")


def log_is_passed_on(facts: ContainerFacts) -> str:
    """Why it is not known where the output goes: only a unit is known to keep it. Empty if it is
    known."""
    if log_driver(facts) not in _PASSED_ON or facts.labels.get(_UNIT_LABEL):
        return ""
    return "its output goes to whatever started it, which was no systemd unit"


def log_goes_nowhere(facts: ContainerFacts) -> bool:
    """A file driver is told to write to /dev/null."""
    paths = [
        option.partition("=")[2] for option in facts.spec[LOG_OPT] if option.startswith("path=")
    ]
    return bool(paths) and paths[-1] == "/dev/null" and log_driver(facts) in FILE_DRIVERS


def engine_limits_log(facts: ContainerFacts) -> bool:
    """It writes a file whose size only the engine's own setting can limit."""
    return log_driver(facts) in FILE_DRIVERS and not _own_limit(facts)


def log_limit(facts: ContainerFacts) -> Known[str]:
    """The maximum size of the log file as text; empty if there is no limit.

    Of a running container that has none of its own, what its log is written with counts, not what
    the configuration says by now.
    """
    if own := _own_limit(facts):
        return own
    in_force = known(lambda: facts.log_limit_in_force)
    if isinstance(in_force, Unread):
        return _engine_limit(facts)
    return f"{in_force} bytes" if in_force > 0 else ""


def _own_limit(facts: ContainerFacts) -> Known[str]:
    for option in facts.spec[LOG_OPT]:
        name, _, value = option.partition("=")
        if name == "max-size":
            return _limit(value)
    shown = section(section(facts.inspect, "HostConfig"), "LogConfig").get("Size")
    return _limit(str(shown)) if shown else ""


def _engine_limit(facts: ContainerFacts) -> Known[str]:
    """`log_size_max` in containers.conf, which applies to every container and does not show in
    inspect."""
    if facts.engine.only_read:
        return ""  # Docker records its own setting with each container
    trust = known(lambda: facts.engine.trust)
    if isinstance(trust, Unread):
        return trust
    configuration = trust.configuration
    if isinstance(configuration, Unread):
        return configuration
    size = configuration.get(_LIMIT)
    return f"{size} bytes" if isinstance(size, int) and size > 0 else ""


def _limit(size: str) -> Known[str]:
    """A positive size; empty for one that limits nothing."""
    try:
        return size if size_of(size) > 0 else ""
    except ValueError:
        return Unread("its max-size is not a size")
