"""A live test that cannot run is skipped on a laptop and fails in CI."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import cannot_run
from tests.support import podman
from tests.support.images import NGINX, missing_package


@pytest.mark.parametrize(
    "variables",
    [
        {"CI": "true"},
        {"CI": "1"},
        {"HARDENTUI_REQUIRE_LIVE": "1"},
    ],
)
def test_it_fails_where_live_tests_are_required(
    variables: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("CI", "HARDENTUI_REQUIRE_LIVE"):
        monkeypatch.setenv(name, variables.get(name, ""))
    with pytest.raises(pytest.fail.Exception, match="run: apt"):
        cannot_run("run: apt")


def test_it_is_skipped_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "HARDENTUI_REQUIRE_LIVE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(pytest.skip.Exception, match="run: apt"):
        cannot_run("run: apt")


def test_missing_programs_are_named_with_their_packages(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(podman, "_ALSO_HERE", str(tmp_path))
    assert "busybox-static curl iproute2" in podman.missing_programs()
    for program in podman._PROGRAMS:
        (tmp_path / program).touch(mode=0o755)
    assert podman.missing_programs() == ""
    absent = NGINX._replace(program="no-such-server")
    assert missing_package(absent).endswith(NGINX.package)
