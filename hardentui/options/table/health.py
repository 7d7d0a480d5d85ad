"""Health checks."""

from __future__ import annotations

from hardentui.model.spec import Option, Readability, TwinUse
from hardentui.options.codecs.plain import DURATION, NUMBER, TEXT
from hardentui.options.inspect.health import (
    DEFAULT_INTERVAL,
    health_duration,
    log_limit,
    read_health_cmd,
    read_health_interval,
    read_health_retries,
    read_log_destination,
    read_on_failure,
    read_startup_cmd,
    startup_duration,
    startup_number,
)
from hardentui.options.table.parts import JUDGED, NO_ORDER_TIMING, key

HEALTH_CMD = Option(
    flag="--health-cmd",
    area="health",
    about="Health check command; none disables it.",
    default="",
    codec=TEXT,
    aliases=("--healthcheck-command",),
    quadlet=key("HealthCmd", "4.5"),
    read=read_health_cmd,
    readability=Readability.LOSSY,
    protection=JUDGED,
    twin=TwinUse.AS_IS,
)
HEALTH_INTERVAL = Option(
    flag="--health-interval",
    area="health",
    about="Time between checks; disable turns the timer off.",
    default="",
    codec=DURATION,
    aliases=("--healthcheck-interval",),
    quadlet=key("HealthInterval", "4.5"),
    read=read_health_interval,
    protection=NO_ORDER_TIMING,
    twin=TwinUse.AS_IS,
)
HEALTH_TIMEOUT = Option(
    flag="--health-timeout",
    area="health",
    about="Timeout of a check.",
    default="",
    codec=DURATION,
    aliases=("--healthcheck-timeout",),
    quadlet=key("HealthTimeout", "4.5"),
    read=health_duration("Timeout", DEFAULT_INTERVAL),
    protection=NO_ORDER_TIMING,
    twin=TwinUse.AS_IS,
)
HEALTH_RETRIES = Option(
    flag="--health-retries",
    area="health",
    about="Failures before it counts as unhealthy.",
    default=-1,
    codec=NUMBER,
    aliases=("--healthcheck-retries",),
    quadlet=key("HealthRetries", "4.5"),
    read=read_health_retries,
    protection=NO_ORDER_TIMING,
    twin=TwinUse.AS_IS,
)
HEALTH_START_PERIOD = Option(
    flag="--health-start-period",
    area="health",
    about="Start-up time during which failures do not count.",
    default="",
    codec=DURATION,
    aliases=("--healthcheck-start-period",),
    quadlet=key("HealthStartPeriod", "4.5"),
    read=health_duration("StartPeriod", 0),
    protection=NO_ORDER_TIMING,
    twin=TwinUse.AS_IS,
)
HEALTH_ON_FAILURE = Option(
    flag="--health-on-failure",
    area="health",
    about="Action when unhealthy: none, kill, restart or stop.",
    default="",
    codec=TEXT,
    quadlet=key("HealthOnFailure", "4.5"),
    read=read_on_failure,
    protection=JUDGED,
    twin=TwinUse.REPLACED,
)
HEALTH_LOG_DESTINATION = Option(
    flag="--health-log-destination",
    area="health",
    about="Where results are logged.",
    default="",
    codec=TEXT,
    quadlet=key("HealthLogDestination", "5.3"),
    read=read_log_destination,
    protection=NO_ORDER_TIMING,
    twin=TwinUse.REPLACED,
)
HEALTH_MAX_LOG_COUNT = Option(
    flag="--health-max-log-count",
    area="health",
    about="Number of results to keep.",
    default=5,
    codec=NUMBER,
    quadlet=key("HealthMaxLogCount", "5.3"),
    read=log_limit("HealthcheckMaxLogCount", 5),
    protection=NO_ORDER_TIMING,
    twin=TwinUse.AS_IS,
)
HEALTH_MAX_LOG_SIZE = Option(
    flag="--health-max-log-size",
    area="health",
    about="Maximum length of a kept result, in characters.",
    default=500,
    codec=NUMBER,
    quadlet=key("HealthMaxLogSize", "5.3"),
    read=log_limit("HealthcheckMaxLogSize", 500),
    protection=NO_ORDER_TIMING,
    twin=TwinUse.AS_IS,
)
HEALTH_STARTUP_CMD = Option(
    flag="--health-startup-cmd",
    area="health",
    about="Start-up check, which must succeed before the regular checks begin.",
    default="",
    codec=TEXT,
    quadlet=key("HealthStartupCmd", "4.5"),
    read=read_startup_cmd,
    protection=NO_ORDER_TIMING,
    twin=TwinUse.AS_IS,
)
HEALTH_STARTUP_INTERVAL = Option(
    flag="--health-startup-interval",
    area="health",
    about="Time between start-up checks.",
    default="",
    codec=DURATION,
    quadlet=key("HealthStartupInterval", "4.5"),
    read=startup_duration("Interval"),
    protection=NO_ORDER_TIMING,
    twin=TwinUse.AS_IS,
)
HEALTH_STARTUP_RETRIES = Option(
    flag="--health-startup-retries",
    area="health",
    about="Failed start-up checks before a restart.",
    default=-1,
    codec=NUMBER,
    quadlet=key("HealthStartupRetries", "4.5"),
    read=startup_number("Retries"),
    protection=NO_ORDER_TIMING,
    twin=TwinUse.AS_IS,
)
HEALTH_STARTUP_SUCCESS = Option(
    flag="--health-startup-success",
    area="health",
    about="Successful start-up checks before it counts as started.",
    default=-1,
    codec=NUMBER,
    quadlet=key("HealthStartupSuccess", "4.5"),
    read=startup_number("Successes"),
    protection=NO_ORDER_TIMING,
    twin=TwinUse.AS_IS,
)
HEALTH_STARTUP_TIMEOUT = Option(
    flag="--health-startup-timeout",
    area="health",
    about="Timeout of a start-up check.",
    default="",
    codec=DURATION,
    quadlet=key("HealthStartupTimeout", "4.5"),
    read=startup_duration("Timeout"),
    protection=NO_ORDER_TIMING,
    twin=TwinUse.AS_IS,
)
