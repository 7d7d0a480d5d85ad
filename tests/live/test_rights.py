"""`check --rights` on a real Podman: what they say is what the kernel does."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.podman import BUSYBOX, Bench
from tests.support.program import told

pytestmark = pytest.mark.live
PLAIN, TIGHT, LOOSE, PRIVILEGED = NAMES = (
    "rights-plain",
    "rights-tight",
    "rights-loose",
    "rights-priv",
)
PROFILE = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "architectures": ["SCMP_ARCH_X86_64"],
    "syscalls": [
        {
            "names": ["mkdir", "mkdirat"],
            "action": "SCMP_ACT_ERRNO",
        }
    ],
}


@pytest.fixture(scope="module")
def bench(podman: Bench) -> Iterator[Bench]:
    profile = podman.directory / "loose.json"
    profile.write_text(json.dumps(PROFILE))
    sleep = (BUSYBOX, "sleep", "100000")
    podman.run(PLAIN, *sleep)
    podman.run(
        TIGHT,
        "--cap-drop",
        "all",
        "--cap-add",
        "chown",
        "--security-opt",
        "no-new-privileges",
        *sleep,
    )
    podman.run(
        LOOSE,
        "--security-opt",
        f"seccomp={profile}",
        *sleep,
    )
    podman.run(PRIVILEGED, "--privileged", *sleep)
    yield podman
    podman.remove(*NAMES)


def pages(bench: Bench, kind: str, *names: str) -> dict[str, Any]:
    document = told(
        "check",
        *names,
        "--rights",
        "--url",
        bench.url,
        ends=0,
    )
    return {container["container"]: container[kind] for container in document["containers"]}


def test_capabilities_are_those_of_the_kernel(bench: Bench) -> None:
    seen = pages(bench, "capabilities", *NAMES)
    effective = {
        name: {row["name"] for row in page["rows"] if row["effective"]}
        for name, page in seen.items()
    }
    assert effective[TIGHT] == {"CAP_CHOWN"}
    assert "CAP_SYS_ADMIN" in effective[PRIVILEGED]
    assert "CAP_SYS_ADMIN" not in effective[PLAIN]
    assert seen[TIGHT]["no_new_privileges"] is True
    mask = bench.podman(
        "exec",
        PLAIN,
        "grep",
        "CapEff",
        "/proc/1/status",
    ).split()[1]
    assert len(effective[PLAIN]) == int(mask, 16).bit_count()


def test_the_filter_is_the_one_that_refuses(bench: Bench) -> None:
    seen = pages(
        bench,
        "seccomp",
        PLAIN,
        LOOSE,
        PRIVILEGED,
    )
    assert seen[PRIVILEGED]["kind"] == "none"
    assert (
        seen[PLAIN]["against"]["looser"],
        seen[PLAIN]["against"]["stricter"],
    ) == ([], [])
    loose = seen[LOOSE]
    assert {"mkdir", "mkdirat"} <= set(loose["against"]["stricter"])
    assert "kexec_load" in {call for group in loose["dangerous"] for call in group["calls"]}
    bench.podman(
        "exec",
        PLAIN,
        "mkdir",
        "/made",
    )
    with pytest.raises(subprocess.CalledProcessError):
        bench.podman(
            "exec",
            LOOSE,
            "mkdir",
            "/made",
        )


def test_without_a_security_module_none_is_claimed(bench: Bench) -> None:
    (page,) = pages(bench, "lsm", PLAIN).values()
    label = (
        bench.podman(
            "exec",
            PLAIN,
            "cat",
            "/proc/1/attr/current",
        )
        if page["module"] != "none"
        else ""
    )
    assert page["label"].strip() == label.strip()
    assert (page["module"] == "none") == (page["state"] == "no security module")


def test_a_rootless_container_has_its_capabilities_only_in_its_own_namespace(
    rootless_podman: Bench,
) -> None:
    rootless_podman.run(
        "rights-rootless",
        BUSYBOX,
        "sleep",
        "100000",
    )
    try:
        (page,) = pages(
            rootless_podman,
            "capabilities",
            "rights-rootless",
        ).values()
        assert page["own_user_namespace"] is True
        assert any(row["effective"] for row in page["rows"])
    finally:
        rootless_podman.remove("rights-rootless")
