"""`check --rights` on a real Podman: what they say is what the kernel does."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from hardentui.__main__ import main
from tests.support.podman import BUSYBOX, Bench
from tests.support.schemas import validated

pytestmark = pytest.mark.live
PLAIN, TIGHT, LOOSE, PRIVILEGED = NAMES = ("rights-plain", "rights-tight", "rights-loose", "rights-priv")
PROFILE = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "architectures": ["SCMP_ARCH_X86_64"],
    "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}],
}


@pytest.fixture(scope="module")
def bench(podman: Bench) -> Iterator[Bench]:
    profile = podman.directory / "loose.json"
    profile.write_text(json.dumps(PROFILE))
    sleep = (BUSYBOX, "sleep", "100000")
    podman.run(PLAIN, *sleep)
    podman.run(
        TIGHT, "--cap-drop", "all", "--cap-add", "chown", "--security-opt", "no-new-privileges", *sleep
    )
    podman.run(LOOSE, "--security-opt", f"seccomp={profile}", *sleep)
    podman.run(PRIVILEGED, "--privileged", *sleep)
    yield podman
    podman.remove(*NAMES)


def told(bench: Bench, capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, Any]:
    assert main(["check", *words[1:], "--rights", "--url", bench.url, "--format", "json"]) == 0
    document = validated(json.loads(capsys.readouterr().out))
    return {container["container"]: container[words[0]] for container in document["containers"]}


def test_capabilities_are_those_of_the_kernel(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    pages = told(bench, capsys, "capabilities", *NAMES)
    effective = {
        name: {row["name"] for row in page["rows"] if row["effective"]} for name, page in pages.items()
    }
    assert effective[TIGHT] == {"CAP_CHOWN"}
    assert "CAP_SYS_ADMIN" in effective[PRIVILEGED]
    assert "CAP_SYS_ADMIN" not in effective[PLAIN]
    assert pages[TIGHT]["no_new_privileges"] is True
    mask = bench.podman("exec", PLAIN, "grep", "CapEff", "/proc/1/status").split()[1]
    assert len(effective[PLAIN]) == int(mask, 16).bit_count()


def test_the_filter_is_the_one_that_refuses(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    pages = told(bench, capsys, "seccomp", PLAIN, LOOSE, PRIVILEGED)
    assert pages[PRIVILEGED]["kind"] == "none"
    assert (pages[PLAIN]["against"]["looser"], pages[PLAIN]["against"]["stricter"]) == ([], [])
    loose = pages[LOOSE]
    assert {"mkdir", "mkdirat"} <= set(loose["against"]["stricter"])
    assert "kexec_load" in {call for group in loose["dangerous"] for call in group["calls"]}
    bench.podman("exec", PLAIN, "mkdir", "/made")
    with pytest.raises(subprocess.CalledProcessError):
        bench.podman("exec", LOOSE, "mkdir", "/made")


def test_without_a_security_module_none_is_claimed(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    (page,) = told(bench, capsys, "lsm", PLAIN).values()
    label = bench.podman("exec", PLAIN, "cat", "/proc/1/attr/current") if page["module"] != "none" else ""
    assert page["label"].strip() == label.strip()
    assert (page["module"] == "none") == (page["state"] == "no security module")


def test_a_rootless_container_has_its_capabilities_only_in_its_own_namespace(
    rootless_podman: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    rootless_podman.run("rights-rootless", BUSYBOX, "sleep", "100000")
    try:
        (page,) = told(rootless_podman, capsys, "capabilities", "rights-rootless").values()
        assert page["own_user_namespace"] is True
        assert any(row["effective"] for row in page["rows"])
    finally:
        rootless_podman.remove("rights-rootless")
