"""What is taken over together: pods, compose projects, and what refers to each other by ID."""

from collections.abc import Mapping
from typing import Any

from hardentui.engine.shapes import Listed
from hardentui.features.looking.stack import dependents_of, in_start_order, stack_of, stacks
from hardentui.model.facts import ContainerFacts
from hardentui.model.spec import Option, Spec
from hardentui.options import INIT_CTR, NAME, NETWORK, POD, REQUIRES, VOLUMES_FROM

PROJECT = {
    "io.podman.compose.project": "wiki",
    "PODMAN_SYSTEMD_UNIT": "podman-compose@wiki.service",
}


def facts(
    name: str,
    *pairs: tuple[Option[Any], Any],
    created: str = "",
    **inspect: Any,
) -> ContainerFacts:
    config = {"Labels": inspect.pop("labels", {})}
    document = {
        "Id": f"id-{name}",
        "Config": config,
        "Created": created,
        **inspect,
    }
    return ContainerFacts(
        f"id-{name}", name, Spec.of((NAME, name), *pairs), document, unit_exists=False
    )


class Engine:
    """These containers, as an engine has them."""

    def __init__(
        self,
        *containers: ContainerFacts,
        states: Mapping[str, str] | None = None,
    ) -> None:
        self.known = {container.id: container for container in containers}
        self.read: list[str] = []
        self.listed = [
            Listed(
                container.id, container.name, state=(states or {}).get(container.name, "running"),
                pod=str(container.inspect.get("Pod") or ""), labels=container.labels,
            )
            for container in containers
        ]  # fmt: skip

    def facts(self, identity: str) -> ContainerFacts | None:
        self.read.append(identity)
        return self.known.get(identity)

    def stack(self, name: str) -> list[str]:
        of = self.known[f"id-{name}"]
        inspect = lambda identity: self.known[identity].inspect  # noqa: E731 - as short as its use
        members, self.services = stack_of(
            of,
            self.listed,
            inspect,
            self.facts,
        )
        return sorted(member.name for member in members)


def test_a_pod_a_project_and_references_by_id_belong_together_and_strangers_do_not() -> None:
    engine = Engine(
        facts("web", (POD, "p"), Pod="p1"),
        facts(
            "worker",
            (POD, "p"),
            Pod="p1",
            labels=PROJECT,
        ),
        facts("db", labels=PROJECT),
        facts(
            "backup",
            (VOLUMES_FROM, ("db",)),
            HostConfig={"VolumesFrom": ["id-db:ro"]},
        ),
        facts(
            "spy",
            (NETWORK, ("container:backup",)),
            Dependencies=["id-backup"],
        ),
        facts("stranger", Pod="p2"),
    )
    for name in ("web", "worker", "db", "backup", "spy"):
        assert engine.stack(name) == sorted({"web", "worker", "db", "backup", "spy"} - {name})
    assert engine.stack("stranger") == []


def test_what_a_unit_of_its_own_runs_stays_and_is_named() -> None:
    db = facts("db", labels={"PODMAN_SYSTEMD_UNIT": "db.service"}).replace(unit_exists=True)
    engine = Engine(
        facts(
            "web",
            (REQUIRES, ("db",)),
            Dependencies=["id-db"],
        ),
        db,
    )
    assert engine.stack("web") == []
    assert engine.services == {"db": "db.service"}


def test_each_starts_after_what_it_needs_and_init_containers_first() -> None:
    app = facts("app", (REQUIRES, ("db",)), created="1")
    db = facts("db", created="3")
    late = facts("late", (INIT_CTR, "always"), created="5")
    early = facts("early", (INIT_CTR, "always"), created="4")
    order = in_start_order((app, db, late, early))
    assert [container.name for container in order] == ["early", "late", "db", "app"]


def test_dependents_are_found_through_others() -> None:
    db, app = facts("db"), facts("app", (REQUIRES, ("db",)))
    side, other = facts("side", (NETWORK, ("container:app",))), facts("other")
    names = [container.name for container in dependents_of(db, (side, other, app))]
    assert names == ["app", "side"]


def test_what_belongs_together_is_hardened_as_one() -> None:
    pod = [
        facts(
            "web",
            Pod="p1",
            Dependencies=["infra"],
        ),
        facts(
            "worker",
            Pod="p1",
            Dependencies=["infra"],
        ),
    ]
    tied = [
        facts("db", labels=PROJECT),
        facts("app", labels=PROJECT),
        facts("side", Dependencies=["id-app"]),
    ]
    everybody = [
        pod[0],
        tied[2],
        facts("alone"),
        tied[0],
        pod[1],
        tied[1],
    ]
    groups = stacks((container.name, container) for container in everybody)
    assert sorted(sorted(group) for group in groups) == [
        ["alone"],
        ["app", "db", "side"],
        ["web", "worker"],
    ]
    by_unit = facts("job", labels=PROJECT).replace(unit_exists=True)
    assert stacks([("app", tied[1]), ("job", by_unit)], units=False) == [["app"], ["job"]]
