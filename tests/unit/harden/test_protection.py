"""The order of protection: what is weaker is told for every option, what is tighter or equal never."""

import pytest

from hardentui.harden.protection import ORDERS, weakenings
from hardentui.model.finding import failed
from hardentui.model.gain import Gain
from hardentui.model.spec import ProtectionRule
from tests.support.judging import *
from tests.support.option_samples import sample

Pairs = tuple[tuple[Any, Any], ...]

DATA = Mount("volume", "data", "/data")
BIND = Mount("bind", "/srv", "/srv")
LOOPBACK = "slirp4netns:allow_host_loopback=true"
DIGEST = f"docker.io/library/nginx@sha256:{'d' * 64}"
STEPS: list[tuple[str, Pairs, Pairs]] = [
    ("privileged", ((PRIVILEGED, True),), ()),
    ("a capability", ((CAP_ADD, ("SYS_ADMIN",)),), ()),
    ("a default capability", (), ((CAP_DROP, ("CHOWN",)),)),
    ("all but one", (), ((CAP_DROP, ("all",)), (CAP_ADD, ("CHOWN",)))),
    ("what a user has at once", ((USER, "33"), (CAP_ADD, ("CHOWN",))), ((USER, "33"),)),
    ("root", (), ((USER, "33"),)),
    ("new privileges", (), ((NO_NEW_PRIVILEGES, True),)),
    ("no filter", ((SECCOMP_PROFILE, "unconfined"),), ()),
    ("a filter of its own", (), ((SECCOMP_PROFILE, "/etc/own.json"),)),
    ("privileged filter", ((PRIVILEGED, True),), ((PRIVILEGED, True), (SECCOMP_PROFILE, "/o.json"))),
    ("apparmor", ((APPARMOR, "unconfined"),), ((APPARMOR, "own"),)),
    ("selinux", ((LABEL_DISABLE, True),), ()),
    ("selinux level", ((LABEL_LEVEL, "s0:c1,c2"),), ()),
    ("mask", (), ((MASK, ("/proc/keys",)),)),
    ("unmask", ((UNMASK, ("ALL",)),), ()),
    ("sysctl", ((SYSCTL, ("net.ipv4.ip_forward=1",)),), ()),
    ("secret", ((SECRETS, ("a,type=mount",)),), ((SECRETS, ("a,type=mount,uid=3,mode=0400",)),)),
    ("secret variable", ((SECRETS, ("a,type=env",)),), ((SECRETS, ("a,type=mount",)),)),
    ("group", ((GROUP_ADD, ("disk",)),), ()),
    ("userns", (), ((USERNS, "auto"),)),
    ("umask", ((UMASK, "0000"),), ()),
    ("pid", ((PID, "host"),), ()),
    ("pid of another", ((PID, "container:db"),), ()),
    ("ipc", (), ((IPC, "none"),)),
    ("cgroups", ((CGROUPS, "disabled"),), ()),
    ("memory", (), ((MEMORY, 1 << 30),)),
    ("less memory", ((MEMORY, 2 << 30),), ((MEMORY, 1 << 30),)),
    ("swap", ((MEMORY, 1 << 30), (MEMORY_SWAP, -1)), ((MEMORY, 1 << 30),)),
    ("pids", ((PIDS_LIMIT, -1),), ((PIDS_LIMIT, 512),)),
    ("cpus", (), ((CPUS, 1.5),)),
    ("quota", ((CPU_QUOTA, 400_000), (CPU_PERIOD, 100_000)), ((CPUS, 1.5),)),
    ("ulimit", ((ULIMIT, ("nofile=-1:-1",)),), ((ULIMIT, ("nofile=1024:4096",)),)),
    ("oom", ((OOM_SCORE_ADJ, -900),), ()),
    ("root fs", (), ((READ_ONLY, True),)),
    ("tmpfs of a read-only root", ((READ_ONLY, True),), ((READ_ONLY, True), (READ_ONLY_TMPFS, False))),
    ("new tmpfs", ((READ_ONLY, True), (TMPFS, ("/a:size=1m",))), ((READ_ONLY, True),)),
    ("tmpfs that runs", ((TMPFS, ("/a:exec,size=1m",)),), ((TMPFS, ("/a:noexec,size=1m",)),)),
    ("mount", ((MOUNTS, (BIND,)),), ()),
    ("writable mount", ((MOUNTS, (BIND,)),), ((MOUNTS, (BIND.with_options("ro"),)),)),
    ("mount options", ((MOUNTS, (DATA,)),), ((MOUNTS, (DATA.with_options("noexec"),)),)),
    ("propagation", ((MOUNTS, (BIND.with_options("rshared"),)),), ((MOUNTS, (BIND,)),)),
    ("owner of a directory of the host", ((MOUNTS, (BIND.with_options("U"),)),), ((MOUNTS, (BIND,)),)),
    ("another source", ((MOUNTS, (Mount("bind", "/", "/srv"),)),), ((MOUNTS, ()),)),
    ("device", ((DEVICES, ("/dev/kvm",)),), ()),
    ("device rights", ((DEVICES, ("/dev/kvm",)),), ((DEVICES, ("/dev/kvm:/dev/kvm:r",)),)),
    ("host network", ((NETWORK, ("host",)),), ((NETWORK, ("web-net",)),)),
    ("networks", ((NETWORK, ("a", "b")),), ((NETWORK, ("a",)),)),
    ("loopback of the host", ((NETWORK, (LOOPBACK,)),), ((NETWORK, ("slirp4netns",)),)),
    ("no network", (), ((NETWORK, ("none",)),)),
    ("port", ((PUBLISH, (Port(80, "80"),)),), ((PUBLISH, (Port(80, "80", "127.0.0.1"),)),)),
    ("one port", ((PUBLISH, (Port(80, "80"), Port(81, "81"))),), ((PUBLISH, (Port(80, "80"),)),)),
    ("all ports", ((PUBLISH_ALL, True),), ()),
    ("digest", ((IMAGE, "docker.io/library/nginx:1"),), ((IMAGE, DIGEST),)),
    ("certificates", ((TLS_VERIFY, False),), ()),
    ("restarts", ((RESTART, "always"),), ((RESTART, "on-failure:5"),)),
    ("health check", ((HEALTH_CMD, "none"),), ((HEALTH_CMD, "true"),)),
    ("health action", (), ((HEALTH_ON_FAILURE, "kill"),)),
    ("readiness", (), ((SDNOTIFY, "healthy"),)),
    ("log", ((LOG_DRIVER, "none"),), ((LOG_DRIVER, "journald"),)),
    ("log size", (), ((LOG_OPT, ("max-size=1mb",)),)),
    ("annotation", ((ANNOTATIONS, ("run.oci.keep_original_groups=1",)),), ()),
]  # fmt: skip


@pytest.mark.parametrize(
    ("weak", "tight"), [step[1:] for step in STEPS], ids=[step[0] for step in STEPS]
)
def test_the_way_back_is_weaker_and_the_way_there_is_not(
    weak: Pairs,
    tight: Pairs,
) -> None:
    facts = container()
    before, after = Spec.of(*weak), Spec.of(*tight)
    assert weakenings(facts, before, after) == ()
    assert weakenings(facts, after, before)
    assert weakenings(facts, before, before) == weakenings(facts, after, after) == ()


def test_every_option_has_an_order_or_a_reason_for_none() -> None:
    assert set(ORDERS) == set(TABLE)
    for option in TABLE:
        never = option.protection.rule is ProtectionRule.NEVER
        assert never == (ORDERS[option] == ())
        assert not never or option.protection.text


def test_every_judged_order_is_tried_by_a_step_of_this_test() -> None:
    tried = {option for _, *sides in STEPS for side in sides for option, _ in side}
    same_shape = {
        "uts",
        "cgroupns",
        "uidmap",
        "gidmap",
        "subuidname",
        "subgidname",
        "label-type",
    }
    same_shape |= {"seccomp-policy"}
    judged = {option.name for option in TABLE if option.protection.rule is ProtectionRule.JUDGED}
    assert judged - {option.name for option in tried} == same_shape


@pytest.mark.parametrize(
    "option", [o for o in TABLE if o.protection.rule is not ProtectionRule.JUDGED], ids=repr
)
def test_the_rule_of_a_row_is_kept(option: Option[Any]) -> None:
    facts, bare = container(), Spec()
    given = Spec.of((option, sample(option)))
    weaker_given = {ProtectionRule.ADDED, ProtectionRule.SWITCHED_ON}
    weaker_bare = {
        ProtectionRule.REMOVED,
        ProtectionRule.CHANGED,
        ProtectionRule.HIGHER,
        ProtectionRule.SWITCHED_OFF,
    }
    if option.default is True:  # given means switched off
        weaker_given, weaker_bare = {ProtectionRule.SWITCHED_OFF}, {ProtectionRule.SWITCHED_ON}
    rule = option.protection.rule
    assert bool(weakenings(facts, bare, given)) == (rule in weaker_given)
    assert bool(weakenings(facts, given, bare)) == (rule in weaker_bare)


def test_a_weak_profile_of_its_own_is_worth_less_than_the_default() -> None:
    own = Spec.of((SECCOMP_PROFILE, "/etc/own.json"))
    good = container(seccomp_rules={"defaultAction": "SCMP_ACT_ERRNO"})
    weak = container(seccomp_rules={"defaultAction": "SCMP_ACT_ALLOW"})
    assert weakenings(good, own, Spec())
    assert weakenings(weak, own, Spec()) == ()
    assert weakenings(weak, Spec(), own)


def test_the_user_of_the_image_counts() -> None:
    facts = container(image=ImageFacts("1" * 64, {"Config": {"User": "1001"}}))
    assert weakenings(facts, Spec.of((USER, "root")), Spec()) == ()
    assert weakenings(facts, Spec(), Spec.of((USER, "root")))


def test_what_leaves_the_host_network_may_publish_what_was_open_before() -> None:
    host, own = (
        Spec.of((NETWORK, ("host",))),
        Spec.of((NETWORK, ("own",)), (PUBLISH, (Port(80, "80"),))),
    )
    assert weakenings(container(), host, own) == ()
    assert weakenings(container(engine=rootless()), host, own) == ()


def test_of_two_options_that_weaken_together_the_same_is_named_each_time() -> None:
    after = Spec().with_(CAP_DROP, ("CHOWN",)).with_(CAP_ADD, ("NET_RAW",))
    for before in (Spec(), Spec().with_(CAP_DROP, ("KILL",))):
        for swapped in (after, Spec().with_(CAP_ADD, after[CAP_ADD]).with_(CAP_DROP, ("CHOWN",))):
            (weakening, *_) = weakenings(container(), before, swapped)
            assert weakening.option == "cap-add"


def test_a_fix_that_would_weaken_is_refused_with_the_reason() -> None:
    def bad(facts: ContainerFacts) -> Verdict:
        return failed("it is bad")

    check = Check(
        id="bad-idea", title="A bad idea", step=1, gives=Gain.ITSELF.after(1),
        summary="Weaken it", fix=FixKind.RECREATE, risk=Risk.SAFE, evaluate=bad, passes=lambda: (),
        fails=lambda: (), remediate=lambda spec, context: spec.with_(CAP_ADD, ("SYS_ADMIN",)),
    )  # fmt: skip
    facts = container("--memory=64m")
    plan = make_plan(
        facts,
        [Choice("bad-idea")],
        [check],
        Checklist("none", "None", ()),
    )
    assert plan.after == facts.spec
    (refused,) = plan.skipped
    assert refused.why == "it would weaken the container: adds SYS_ADMIN"


def test_a_good_profile_is_not_taken_away() -> None:
    """The case of the outside look: the container passes, and its fix would have removed the
    profile."""
    check = check_by_id("weak-seccomp-profile")
    assert check is not None
    facts = container(
        "--security-opt=seccomp=/o.json", seccomp_rules={"defaultAction": "SCMP_ACT_ERRNO"}
    )
    plan = make_plan(
        facts,
        [Choice(check.id)],
        [check],
        Checklist("none", "None", ()),
    )
    assert plan.after == facts.spec
    assert "passes this check" in plan.skipped[0].why
