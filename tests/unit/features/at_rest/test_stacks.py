"""`hardentui fix compose.yaml --to quadlet`: a stack as Quadlets that the generator accepts."""

from pathlib import Path

from tests.unit.features.at_rest.test_checking import Run, run

__all__ = ["run"]

STACK = """\
services:
  web:
    build: {context: ./src, target: prod}
    depends_on:
      db: {condition: service_healthy}
    ports: ["8080:80"]
    env_file: web.env
    secrets: [key]
    deploy: {replicas: 2}
  db:
    image: docker.io/library/postgres:17
    healthcheck: {test: ["CMD-SHELL", "pg_isready -U $$POSTGRES_USER"], interval: 10s}
    volumes: [data:/var/lib/postgresql/data]
    networks: [back, default]
    user: ${DB_USER}
volumes: {data: }
networks: {back: {internal: true}}
secrets: {key: {external: true}}
"""


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_a_stack_becomes_quadlets_with_the_names_of_its_objects(
    run: Run,
    tmp_path: Path,
) -> None:
    code, text = run(
        {"shop/compose.yaml": STACK},
        "fix",
        "./shop",
        "--to",
        "quadlet",
        "--podman-version",
        "5.8",
        "-o",
        "out",
    )
    assert code == 0, text
    out = tmp_path / "out"
    names = {path.name for path in out.iterdir()}
    written = (
        "web.container web.build db.container shop_default.network shop_back.network "
        "shop_data.volume shop.env.example"
    )
    assert names == {*written.split()}
    web, db = lines(out / "web.container"), lines(out / "db.container")
    for line in (
        "Requires=db.service",
        "After=db.service",
        "Image=web.build",
        f"EnvironmentFile={tmp_path}/shop/web.env",
        "Secret=key",
        "Network=shop_default.network:alias=web",
    ):
        assert line in web, line
    for line in (
        "Notify=healthy",
        "HealthCmd=pg_isready -U $$POSTGRES_USER",
        "HealthInterval=10s",
        "User=${DB_USER}",
        "EnvironmentFile=%E/containers/systemd/shop.env",
    ):
        assert line in db, line
    assert "Target=prod" in lines(out / "web.build")
    assert "DB_USER=" in lines(out / "shop.env.example")
    assert "VolumeName=shop_data" in lines(out / "shop_data.volume")
    assert "Internal=true" in lines(out / "shop_back.network")
    for note in (
        "web: deploy.replicas is not carried over",
        "note: before the first start, give DB_USER in shop.env beside the units",
    ):
        assert note in text, note


def test_only_compose_files_are_converted(run: Run) -> None:
    files = {"q/web.container": "[Container]\nImage=a\n"}
    code, text = run(files, "fix", "q", "--to", "quadlet")
    assert (code, "is no compose file" in text) == (2, True)
    code, text = run(
        {"s/compose.yaml": STACK},
        "fix",
        "s",
        "--to",
        "kube",
    )
    assert (code, "converted with --to quadlet" in text) == (2, True)


def test_a_variable_that_is_only_named_comes_from_the_host(run: Run) -> None:
    text = "services:\n  db:\n    image: x.example/a:1\n    environment: [TZ, DB_PASSWORD, MODE]\n"
    files = {"s/compose.yaml": text, "s/.env": "MODE=prod\n"}
    code, said = run(files, "fix", "./s", "--to", "quadlet")
    assert code == 0, said
    for line in ("Environment=MODE=prod", "Environment=TZ=${TZ}", "target=DB_PASSWORD"):
        assert line in said
