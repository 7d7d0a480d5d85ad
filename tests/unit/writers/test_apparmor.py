"""AppArmor profiles: the parser takes them, and they hold what the container declares."""

import shutil
import subprocess

import pytest

from hardentui.model.spec import Spec
from hardentui.options import MOUNTS, NETWORK, READ_ONLY, TMPFS
from hardentui.options.values import Mount
from hardentui.writers.apparmor import apparmor_profile
from tests.conftest import cannot_run

CHOWN = frozenset({"CAP_CHOWN"})
HOSTILE = 'x"\n} profile evil {\n  file,\n}\x1b]0;x\x07'
SPECS = {
    "plain": Spec(),
    "read-only": Spec.of(
        (READ_ONLY, True),
        (MOUNTS, (Mount("volume", "data", "/var/lib/app"), Mount("bind", "/etc", "/conf", ("ro",)))),
        (TMPFS, ("/cache:size=1m",)),
    ),
    "no network": Spec.of((NETWORK, ("none",))),
    "hostile": Spec.of((READ_ONLY, True), (MOUNTS, (Mount("bind", "/a", f"/{HOSTILE}"),))),
}


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@pytest.mark.parametrize("name", ["web", HOSTILE, "-"])
def test_the_parser_takes_it(spec: Spec, name: str) -> None:
    if not (parser := shutil.which("apparmor_parser", path="/usr/sbin:/sbin:/usr/bin:/bin")):
        cannot_run("apparmor_parser is missing; run: sudo apt-get install apparmor")
    profile = apparmor_profile(name, spec, CHOWN | {"CAP_SYS_ADMIN", "CAP_NET_RAW"})
    done = subprocess.run(
        [parser, "--skip-kernel-load", "--skip-cache", "--names"],
        input=profile.text.encode(),
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().split() == [profile.name], "one profile, and no other one was smuggled in"


def test_a_read_only_root_leaves_only_what_is_mounted_writable() -> None:
    text = apparmor_profile("web", SPECS["read-only"], CHOWN).text
    rules = {line.strip() for line in text.splitlines()}
    assert {'"/var/lib/app/**" mrwlkix,', '"/cache/**" mrwlkix,', '"/tmp/**" mrwlkix,'} <= rules
    assert "file," not in rules
    assert not any("/conf" in rule for rule in rules)


def test_only_capabilities_that_it_has_are_in_it() -> None:
    text = apparmor_profile("web", Spec(), CHOWN).text
    assert [line.strip() for line in text.splitlines() if line.strip().startswith("capability")] == [
        "capability chown,"
    ]
    assert "  deny mount," in text
    assert "  mount," in apparmor_profile("web", Spec(), frozenset({"CAP_SYS_ADMIN"})).text


def test_a_path_that_no_rule_can_hold_is_named_and_stays_read_only() -> None:
    profile = apparmor_profile("web", SPECS["hostile"], CHOWN)
    assert len(profile.notes) == 1
    assert not any(line.strip().startswith('"/x') for line in profile.text.splitlines())
