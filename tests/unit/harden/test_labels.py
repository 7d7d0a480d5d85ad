"""SELinux labels: a fix keeps `:z` and `:Z` where they were, and invents none."""

from __future__ import annotations

import pytest

from hardentui.checks.prelude import container
from hardentui.harden.plan import make_plan
from hardentui.model.plan import Choice
from hardentui.model.spec import Spec
from hardentui.options import MOUNTS
from hardentui.reading.selinux_words import is_never_relabelled, to_label, to_label_back
from tests.unit.harden.test_unshown import CHECKLIST, CHECKS, plans_of_all_checks

_MOUNTED = "-v /srv/own:/own:Z -v /srv/all:/all:z -v /srv/bare:/bare -v data:/data"
_OF_SYSTEM_DIRECTORIES = "relabelled-system-directory"


def relabelling(spec: Spec) -> set[tuple[str, str]]:
    return {
        (mount.destination, option)
        for mount in spec[MOUNTS]
        for option in mount.options
        if option in ("z", "Z")
    }


def test_no_fix_of_any_check_adds_or_drops_a_label_option() -> None:
    """Law: over all checks and their examples; one check drops it, of directories of the host."""
    counted = 0
    for check, plan in plans_of_all_checks():
        before, after = relabelling(plan.before), relabelling(plan.after)
        counted += 1
        assert after <= before, check
        assert after == before or check == _OF_SYSTEM_DIRECTORIES, check
    assert counted > 100


def test_all_fixes_together_keep_the_labels_of_a_container() -> None:
    facts = container(f"--privileged --security-opt=label=disable {_MOUNTED}")
    plan = make_plan(facts, tuple(Choice(check.id) for check in CHECKS), CHECKS, CHECKLIST)
    assert relabelling(plan.after) == {("/own", "Z"), ("/all", "z")}


@pytest.mark.parametrize(
    "path",
    ["/", "/etc", "/usr", "/home", "/home/anna", "/var/home/anna", "/var/roothome", "/var/lib"],
)
def test_what_the_host_uses_is_never_relabelled(path: str) -> None:
    assert is_never_relabelled(path)
    (said,) = to_label({"ID": "sl-micro"}, path)
    assert said.startswith("# never relabel")


@pytest.mark.parametrize("path", ["/srv/web", "/home/anna/web", "/var/lib/web", "/data"])
def test_a_directory_of_its_own_is_labelled_by_a_rule(path: str) -> None:
    rule, apply, package = to_label({"ID": "sl-micro"}, path)
    assert rule == f"sudo semanage fcontext -a -t container_file_t '{path}(/.*)?'"
    assert apply == f"sudo restorecon -R {path}"
    assert "transactional-update pkg install policycoreutils-python-utils" in package


def test_a_rule_is_a_pattern_and_a_word_of_the_shell() -> None:
    rule, apply, _ = to_label({"ID": "fedora"}, "/srv/a.b (x)'; id")
    assert r"/srv/a\.b \(x\)" in rule
    assert apply == """sudo restorecon -R '/srv/a.b (x)'"'"'; id'"""
    assert to_label_back("/srv/a b") == "sudo restorecon -RF '/srv/a b'"
