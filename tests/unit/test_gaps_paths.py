"""Attack paths ranked across containers: the worst first, and every sentence true."""

from __future__ import annotations

from hardentui.checks import all_checks
from hardentui.checks.examples import DEFAULT_CAPABILITIES, container, rootless
from hardentui.harden.attack import RankedPath, ranked_paths
from hardentui.harden.evaluate import container_subject, parameters_of, run
from hardentui.model.checklist import Checklist
from hardentui.model.facts import CapabilitySets, ContainerFacts, IdRange, Kernel
from hardentui.model.finding import Finding, Kind
from hardentui.options import MOUNTS, PRIVILEGED, PUBLISH
from hardentui.options.values import Mount, Port

NOTHING_SET = Checklist("empty", "No parameters", ())
SOCKET = (MOUNTS, (Mount("bind", "/run/podman/podman.sock", "/run/podman/podman.sock"),))
OPEN = (PUBLISH, (Port(80, "8080", "0.0.0.0"),))
ROOT = Kernel(
    7,
    uid=0,
    host_user_namespace=True,
    uid_map=(IdRange(0, 0, 4294967295),),
    capabilities=CapabilitySets(bounding=DEFAULT_CAPABILITIES),
)


def judged(facts: ContainerFacts) -> tuple[ContainerFacts, tuple[Finding, ...]]:
    checks = tuple(
        (check, parameters_of(check, NOTHING_SET)) for check in all_checks() if check.kind is Kind.CONTAINER
    )
    return facts, tuple(run(facts, container_subject(facts), checks))


def named(name: str, facts: ContainerFacts) -> ContainerFacts:
    from dataclasses import replace

    return replace(facts, name=name)


def test_the_open_way_to_the_host_comes_before_the_hidden_and_the_stopped_one() -> None:
    subjects = [
        judged(named("hidden", container(SOCKET, kernel=ROOT))),
        judged(named("open", container(SOCKET, OPEN, kernel=ROOT))),
        judged(named("stopped", container(SOCKET))),
        judged(named("plain", container())),
    ]
    ranked = ranked_paths(subjects)
    assert [path.name for path in ranked] == ["open", "hidden", "stopped"]
    assert ranked[0].danger > ranked[1].danger > ranked[2].danger


def test_only_the_worst_are_told_and_equals_by_name() -> None:
    subjects = [judged(named(name, container((PRIVILEGED, True)))) for name in ("d", "b", "a", "c")]
    assert [path.name for path in ranked_paths(subjects)] == ["a", "b", "c"]
    assert [path.name for path in ranked_paths(subjects, most=1)] == ["a"]


def test_missing_walls_alone_lead_nowhere() -> None:
    facts, findings = judged(container(kernel=ROOT))
    assert any(finding.check == "new-privileges-allowed" and finding.failing for finding in findings)
    assert ranked_paths([(facts, findings)]) == ()


def test_a_sentence_says_only_what_is_so() -> None:
    found = ranked_paths([judged(container(SOCKET, OPEN, kernel=ROOT))])
    assert len(found) == 1
    sentence = found[0].sentence
    assert sentence.startswith("Reachable from outside on *:8080, as root of the host: ")
    assert "can command the engine through its socket" in sentence
    assert "privileged" not in sentence
    mapped = Kernel(7, uid=100999, host_user_namespace=False, uid_map=(IdRange(0, 100000, 65536),))
    found = ranked_paths([judged(container(SOCKET, kernel=mapped, engine=rootless()))])
    assert all("root of the host" not in path.sentence for path in found)
    assert all(path.sentence.startswith("Not published") for path in found)


def test_ranked_paths_are_plain_values() -> None:
    assert RankedPath(2, "web", "x") > RankedPath(1, "web", "x")
