"""Health checks."""

from __future__ import annotations

from hardentui.model.spec import Readability
from hardentui.options.table.shapes import key, number, text

_AREA = "health"
_LOSSY = Readability.LOSSY
_COMMAND = Readability.CREATE_COMMAND
_CLIENT = Readability.CLIENT

HEALTH_CMD = text(
    flag="--health-cmd",
    area=_AREA,
    about="Command that tells whether it is healthy; none = switched off.",
    quadlet=key("HealthCmd", "4.5"),
    readability=_LOSSY,
)
HEALTH_INTERVAL = text(
    flag="--health-interval",
    area=_AREA,
    about="Time between checks; disable = no timer.",
    quadlet=key("HealthInterval", "4.5"),
)
HEALTH_TIMEOUT = text(
    flag="--health-timeout", area=_AREA, about="Time a check may take.", quadlet=key("HealthTimeout", "4.5")
)
HEALTH_RETRIES = number(
    flag="--health-retries",
    area=_AREA,
    about="Failures until it is unhealthy.",
    quadlet=key("HealthRetries", "4.5"),
    default=-1,
)
HEALTH_START_PERIOD = text(
    flag="--health-start-period",
    area=_AREA,
    about="Time to start up in.",
    quadlet=key("HealthStartPeriod", "4.5"),
)
HEALTH_ON_FAILURE = text(
    flag="--health-on-failure",
    area=_AREA,
    about="none, kill, restart or stop.",
    quadlet=key("HealthOnFailure", "4.5"),
)
HEALTH_LOG_DESTINATION = text(
    flag="--health-log-destination",
    area=_AREA,
    about="Where results are logged.",
    quadlet=key("HealthLogDestination", "5.3"),
)
HEALTH_MAX_LOG_COUNT = number(
    flag="--health-max-log-count",
    area=_AREA,
    about="Results that are kept.",
    quadlet=key("HealthMaxLogCount", "5.3"),
    default=5,
)
HEALTH_MAX_LOG_SIZE = number(
    flag="--health-max-log-size",
    area=_AREA,
    about="Characters of a result that are kept.",
    quadlet=key("HealthMaxLogSize", "5.3"),
    default=500,
)
HEALTH_STARTUP_CMD = text(
    flag="--health-startup-cmd",
    area=_AREA,
    about="Check that must succeed before the others begin.",
    quadlet=key("HealthStartupCmd", "4.5"),
)
HEALTH_STARTUP_INTERVAL = text(
    flag="--health-startup-interval",
    area=_AREA,
    about="Time between start-up checks.",
    quadlet=key("HealthStartupInterval", "4.5"),
)
HEALTH_STARTUP_RETRIES = number(
    flag="--health-startup-retries",
    area=_AREA,
    about="Failures until it is restarted.",
    quadlet=key("HealthStartupRetries", "4.5"),
    default=-1,
)
HEALTH_STARTUP_SUCCESS = number(
    flag="--health-startup-success",
    area=_AREA,
    about="Successes until it counts as started.",
    quadlet=key("HealthStartupSuccess", "4.5"),
    default=-1,
)
HEALTH_STARTUP_TIMEOUT = text(
    flag="--health-startup-timeout",
    area=_AREA,
    about="Time a start-up check may take.",
    quadlet=key("HealthStartupTimeout", "4.5"),
)
