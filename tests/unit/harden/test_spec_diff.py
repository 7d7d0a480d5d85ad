"""The lines that a finding shows are those of the written unit."""

import pytest

from hardentui.harden.remedy import as_quadlet_lines, spec_diff
from hardentui.model.spec import Spec, Version
from hardentui.options import IMAGE, NAME, RESTART
from hardentui.quadlet.write.container import container_unit

_NEWEST = Version(5, 5)


def _spec(policy: str) -> Spec:
    return Spec().with_(NAME, "web").with_(IMAGE, "docker.io/library/nginx:1").with_(RESTART, policy)


def _written(policy: str) -> set[str]:
    """Lines of the unit, each with its section."""
    unit, _ = container_unit(_spec(policy), version=_NEWEST, rootless=False, unit_name="web")
    return {f"[{section}] {key}={value}" for section, lines in unit.sections.items() for key, value in lines}


@pytest.mark.parametrize("before", ["no", "always", "unless-stopped", "on-failure"])
@pytest.mark.parametrize("after", ["no", "on-failure:5"])
def test_a_restart_policy_is_shown_as_it_is_written(before: str, after: str) -> None:
    shown = as_quadlet_lines(spec_diff(_spec(before), _spec(after)), _NEWEST).splitlines()
    assert {line[1:] for line in shown if line.startswith("-")} == _written(before) - _written(after)
    assert {line[1:] for line in shown if line.startswith("+")} == _written(after) - _written(before)


def test_a_limit_on_restarts_shows_the_limit() -> None:
    shown = as_quadlet_lines(spec_diff(_spec("on-failure"), _spec("on-failure:5")), _NEWEST)
    assert shown.splitlines() == ["+[Unit] StartLimitIntervalSec=1h", "+[Unit] StartLimitBurst=6"]
