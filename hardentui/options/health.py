"""Health checks."""

from __future__ import annotations

from hardentui.model.spec import Readability
from hardentui.options.rows import key, number, text

_AREA = "health"
_LOSSY = Readability.LOSSY
_COMMAND = Readability.CREATE_COMMAND
_CLIENT = Readability.CLIENT

HEALTH_CMD = text(
    "--health-cmd",
    _AREA,
    "Command that tells whether it is healthy; none = switched off.",
    key("HealthCmd", "4.5"),
    readability=_LOSSY,
)
HEALTH_INTERVAL = text(
    "--health-interval", _AREA, "Time between checks; disable = no timer.", key("HealthInterval", "4.5")
)
HEALTH_TIMEOUT = text("--health-timeout", _AREA, "Time a check may take.", key("HealthTimeout", "4.5"))
HEALTH_RETRIES = number(
    "--health-retries", _AREA, "Failures until it is unhealthy.", key("HealthRetries", "4.5"), default=-1
)
HEALTH_START_PERIOD = text(
    "--health-start-period", _AREA, "Time to start up in.", key("HealthStartPeriod", "4.5")
)
HEALTH_ON_FAILURE = text(
    "--health-on-failure", _AREA, "none, kill, restart or stop.", key("HealthOnFailure", "4.5")
)
HEALTH_LOG_DESTINATION = text(
    "--health-log-destination", _AREA, "Where results are logged.", key("HealthLogDestination", "5.3")
)
HEALTH_MAX_LOG_COUNT = number(
    "--health-max-log-count", _AREA, "Results that are kept.", key("HealthMaxLogCount", "5.3"), default=5
)
HEALTH_MAX_LOG_SIZE = number(
    "--health-max-log-size",
    _AREA,
    "Characters of a result that are kept.",
    key("HealthMaxLogSize", "5.3"),
    default=500,
)
HEALTH_STARTUP_CMD = text(
    "--health-startup-cmd",
    _AREA,
    "Check that must succeed before the others begin.",
    key("HealthStartupCmd", "4.5"),
)
HEALTH_STARTUP_INTERVAL = text(
    "--health-startup-interval", _AREA, "Time between start-up checks.", key("HealthStartupInterval", "4.5")
)
HEALTH_STARTUP_RETRIES = number(
    "--health-startup-retries",
    _AREA,
    "Failures until it is restarted.",
    key("HealthStartupRetries", "4.5"),
    default=-1,
)
HEALTH_STARTUP_SUCCESS = number(
    "--health-startup-success",
    _AREA,
    "Successes until it counts as started.",
    key("HealthStartupSuccess", "4.5"),
    default=-1,
)
HEALTH_STARTUP_TIMEOUT = text(
    "--health-startup-timeout", _AREA, "Time a start-up check may take.", key("HealthStartupTimeout", "4.5")
)
