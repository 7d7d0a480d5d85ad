"""Verdicts on rare cases, each as small as it can be: links, pods, devices of rootless containers."""

from typing import Any

import pytest

from hardentui.checks.examples import container, rootful, rootless
from hardentui.errors import CannotFix
from hardentui.harden.evaluate import container_subject, evaluate
from hardentui.images.layer import credential
from hardentui.model.check import Checklist
from hardentui.model.facts import (
    ContainerFacts,
    ImageFacts,
    Kernel,
    ListeningSocket,
)
from hardentui.model.finding import Severity, Status
from hardentui.model.host import HostFacts
from hardentui.options import *
from tests.support.judging import fix, judge, the_check

PASS, FAIL, NOT_APPLICABLE = Status.PASS, Status.FAIL, Status.NOT_APPLICABLE


def answer(check_id: str, facts: ContainerFacts) -> Status:
    return judge(check_id, facts).status


def bind(source: str, destination: str = "/data", *options: str) -> tuple[Any, Any]:
    return MOUNTS, (Mount("bind", source, destination, tuple(options)),)


@pytest.mark.parametrize(
    "source", ["/srv/engine/api.socket", "/srv/engine", "/srv/", "/srv/engine/../engine"]
)
def test_the_socket_of_this_engine_counts_wherever_it_lies(source: str) -> None:
    engine = rootful(url="unix:///srv/engine/api.socket")
    assert answer("mounted-engine-socket", container(bind(source), engine=engine)) is FAIL


@pytest.mark.parametrize(
    ("check_id", "target"),
    [("mounted-engine-socket", "/run/podman"), ("sensitive-host-mount", "/etc"), ("writable-mount", "/data")],
)
def test_a_mount_is_judged_by_where_its_link_leads(check_id: str, target: str) -> None:
    typed = "/opt/link.sock"  # by its own name a socket, which writable-mount leaves to others
    read_only = () if check_id == "writable-mount" else ("ro",)
    facts = container(bind(typed, "/inside", *read_only), host=HostFacts(tcp_services=()))
    assert answer(check_id, facts) is PASS
    linked = container(bind(typed, "/inside", *read_only), links={typed: target})
    assert answer(check_id, linked) is FAIL


_ASKED_FOR = ((MEMORY, 64 << 20), (CPUS, 0.5), (PIDS_LIMIT, 100))


@pytest.mark.parametrize("check_id", ["no-memory-limit", "no-cpu-limit", "no-pids-limit"])
def test_limits_that_podman_ignores_are_none(check_id: str) -> None:
    """Rootless on cgroup v1: inspect may still show what was asked for while nothing runs yet."""
    old, new = ({"host": {"cgroupVersion": version}} for version in ("v1", "v2"))
    ignored = container(*_ASKED_FOR, engine=rootless(info=old))
    assert answer(check_id, ignored) is FAIL
    with pytest.raises(CannotFix, match="cgroup v1"):
        fix(check_id, ignored)
    assert answer(check_id, container(*_ASKED_FOR, engine=rootless(info=new))) is PASS
    assert answer(check_id, container(*_ASKED_FOR, engine=rootful(info=old))) is PASS


@pytest.mark.parametrize("check_id", ["wildcard-port", "exposed-admin-port"])
def test_an_open_port_is_as_open_without_root(check_id: str) -> None:
    """Who can reach it from outside has nothing to do with what a broken-in process may do inside."""
    check = the_check(check_id)
    port = (PUBLISH, (Port(6379, "6379"),))
    for engine in (rootful(), rootless()):
        facts = container(port, engine=engine)
        (finding,) = evaluate(facts, container_subject(facts), [check], Checklist("c", "c", ()))
        assert finding.severity is check.severity


@pytest.mark.parametrize(
    ("variable", "is_credential"),
    [
        ("PASSWORD_REQUIREMENTS=lower,upper", False),
        ("CSRF_TOKEN_COOKIE=XSRF-TOKEN", False),
        ("LDAP_PASSWORD_ATTRIBUTE=userPassword", False),
        ("TOKEN_ENDPOINT_AUTH=client_secret_post", False),
        ("AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", False),
        ("DB_PASSWORD=/run/secrets/db", False),
        ("DB_PASSWORD=/opt/x1y2/db", False),
        ("DB_PASSWORD=/secret", False),
        ("DB_PASSWORD=/kE9x2Lq7Vb", True),
        ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", True),
        ("APP_YAML=db:\n  password: hunter22x", True),
    ],
)
def test_what_describes_a_secret_is_none(variable: str, is_credential: bool) -> None:
    expected = Status.FAIL if is_credential else Status.PASS
    assert answer("plaintext-secret-env", container((ENV, (variable,)))) is expected


@pytest.mark.parametrize(
    ("user", "name", "said"),
    [
        ("472:472", "GF_SECURITY_PASSWORD", "uid=472,gid=472,mode=0400 --env GF_SECURITY_PASSWORD__FILE="),
        ("app", "DB_PASSWORD", "mode=0444 --env DB_PASSWORD_FILE="),
        ("", "DB_PASSWORD", "mode=0400 --env DB_PASSWORD_FILE="),
        ("", "AWS_SECRET_ACCESS_KEY", ""),
    ],
)
def test_advice_about_a_secret_works_for_the_user_and_the_image(user: str, name: str, said: str) -> None:
    told = judge("plaintext-secret-env", container((ENV, (f"{name}=correct-horse",)), (USER, user))).commands
    assert f"--secret web-{name.lower().replace('_', '-')},type=env,target={name}" in told[1]
    assert [said in line for line in told[2:]] == ([True] if said else [])


def test_ports_words_and_paths_that_were_missed() -> None:
    for port in (21, 9090):
        facts = container((PUBLISH, (Port(port, str(port)),)))
        assert answer("exposed-admin-port", facts) is Status.FAIL
    assert answer("unmasked-system-paths", container((UNMASK, ("/no/such",)))) is Status.PASS
    assert answer("unmasked-system-paths", container((UNMASK, ("/proc/*",)))) is Status.FAIL
    vendors = ("net.core.somaxconn=1024", "net.ipv4.conf.all.src_valid_mark=1")
    assert answer("unsafe-sysctls", container((SYSCTL, vendors))) is Status.PASS
    login = container((COMMAND, ("etcdctl", "--user=root:pw", "get", "x")))
    assert answer("secret-on-command-line", login) is Status.FAIL


@pytest.mark.parametrize(
    ("path", "start", "kind"),
    [
        ("/app/.env", b"DB_PASSWORD=x", "passwords of an application"),
        ("/app/.env", b"PORT=80", ""),
        ("/app/.git/config", b"url = https://oauth2:glpat-1@git.example", "git credentials"),
        ("/app/.git/config", b"url = https://git.example/x", ""),
        ("/infra/terraform.tfstate", b'"secret": "x"', "cloud credentials"),
        ("/app/key.json", b'{"type": "service_account", "private_key_id": "1"', "cloud credentials"),
        ("/root/.composer/auth.json", b'{"http-basic": {}}', "package registry token"),
        ("/etc/pip.conf", b"index-url = https://u:p@pypi.example/simple", "package index login"),
    ],
)
def test_files_of_credentials_in_layers(path: str, start: bytes, kind: str) -> None:
    assert credential(path, start) == kind


def test_a_listener_where_nobody_declares_any_port_is_hygiene() -> None:
    listening = Kernel(
        812, shared_namespaces=frozenset(), listening=(ListeningSocket("tcp", "0.0.0.0", 80),)
    )  # fmt: skip
    silent = container(kernel=listening, image=ImageFacts("i" * 64, inspect={"Config": {}}))
    assert judge("unexpected-listener", silent).severity is Severity.LOW
    other = ImageFacts("i" * 64, inspect={"Config": {"ExposedPorts": {"443/tcp": {}}}})
    assert judge("unexpected-listener", container(kernel=listening, image=other)).severity is None
