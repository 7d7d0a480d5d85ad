"""`hardentui fix compose.yaml --to quadlet`: a stack as Quadlets that the generator accepts."""

import re
from pathlib import Path

import pytest

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


def test_a_literal_credential_becomes_a_secret_that_the_notes_name(run: Run) -> None:
    """As of a run command: a file where the known application reads one, else a variable."""
    text = """services:
  db:
    image: postgres:16
    environment: {POSTGRES_PASSWORD: correct-horse, POSTGRES_DB: shop}
  web:
    image: x.example/a:1
    environment: ["URL=postgres://shop:correct-horse@db/shop", TOKEN_FILE=/run/token]
"""
    asked = ("fix", "./shop", "--to", "quadlet", "--podman-version", "5.4")
    _, made = run({"shop/compose.yaml": text}, *asked)
    assert "correct-horse" not in made
    for line in (
        "Secret=shop_db-postgres-password,type=mount,uid=999,mode=0400",
        "Environment=POSTGRES_PASSWORD_FILE=/run/secrets/shop_db-postgres-password",
        "Environment=POSTGRES_DB=shop",
        "Secret=shop_web-url,type=env,target=URL",
        "Environment=TOKEN_FILE=/run/token",
        "create the secret shop_web-url with the value of URL: podman secret create shop_web-url -",
    ):
        assert line in made, made
    _, kept = run({}, *asked, "--as-is")
    assert "Environment=POSTGRES_PASSWORD=correct-horse" in kept
    assert "Secret=" not in kept


def test_a_variable_beside_the_only_credential_is_still_asked_for(run: Run) -> None:
    text = """services:
  web:
    image: x.example/a:1
    environment: ["PASSWORD=correct-horse", "TTL=${TTL}"]
"""
    _, made = run({"shop/compose.yaml": text}, "fix", "./shop", "--to", "quadlet")
    assert "Environment=TTL=${TTL}" in made
    assert "target=PASSWORD" in made


@pytest.mark.parametrize(
    ("given", "written"),
    [("${PROFILE}", r"seccomp=\$\{PROFILE\}"), ("./p.json", r"SeccompProfile=/\S*/s/p\.json")],
)
def test_a_profile_that_a_variable_names_stays_as_it_is_written(
    run: Run,
    given: str,
    written: str,
) -> None:
    """It may be `unconfined`, which is no file beside the stack."""
    image = "services:\n  db:\n    image: x.example/a:1\n"
    files = {"s/compose.yaml": f"{image}    security_opt: ['seccomp={given}']\n"}
    asked = ("fix", "./s", "--to", "quadlet", "--podman-version", "5.4")
    assert re.search(rf"{written}\n", run(files, *asked)[1])


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


NETWORKED = """\
services:
  db:
    image: postgres:16
    networks:
      back: {ipv4_address: 10.5.0.5, priority: 10}
    secrets: [key]
  web:
    build: {context: ., args: {A: b}}
    image: shop
    network_mode: "service:db"
    pid: "service:db"
    healthcheck: {test: "true", start_interval: 2s}
    deploy: {resources: {reservations: {devices: [{driver: nvidia}]}}}
    configs: [site]
  hub:
    image: someone/thing
    stop_grace_period: 1h
    networks: [edge]
networks:
  edge: {external: true}
  back:
    ipam: {config: [{subnet: 10.5.0.0/16, ip_range: 10.5.128.0/17, gateway: 10.5.0.254}]}
    driver_opts: {com.docker.network.driver.mtu: "1400", com.docker.network.bridge.enable_icc: "false"}
secrets: {key: {external: true}}
configs: {site: {content: hello}}
"""


@pytest.mark.parametrize("version", ["4.4", "5.4", "5.8"])
def test_what_docker_means_is_what_podman_gets(
    run: Run,
    tmp_path: Path,
    version: str,
) -> None:
    """Names without a registry, networks with addresses, namespaces of other services, images that
    are built."""
    code, said = run(
        {"shop/compose.yaml": NETWORKED},
        *("fix", "./shop", "--to", "quadlet", "-o", "out", "--podman-version", version),
    )
    assert code == 0, said
    db, web, hub = (
        (tmp_path / f"out/{name}.container").read_text() for name in ("db", "web", "hub")
    )
    assert "Image=docker.io/library/postgres:16\n" in db
    assert "Image=docker.io/someone/thing\n" in hub
    assert "ip=10.5.0.5" in db
    assert "Network=container:shop_db_1\n" in web
    assert "--pid=container:shop_db_1" in web
    assert "Requires=db.service\n" in web
    assert "3600" in hub
    network = (tmp_path / "out/shop_back.network").read_text()
    for line in ("Subnet=10.5.0.0/16", "IPRange=10.5.128.0/17", "Gateway=10.5.0.254", "mtu=1400"):
        assert line in network
    built = tmp_path / "out/web.build"
    if version == "4.4":
        assert "podman build -t localhost/shop" in said
    else:
        assert "ImageTag=localhost/shop\n" in built.read_text()
        assert "Image=web.build\n" in web
    for told in (
        "networks.back.priority is not carried over",
        "build.args is not carried over",
        "healthcheck.start_interval is not carried over",
        "deploy.resources.reservations.devices is not carried over",
        "the config site is no file",
        "create the secret key",
        "create the network edge",
        "driver_opts.com.docker.network.bridge.enable_icc is not carried over",
    ):
        assert told in said


VARIED = """\
services:
  web:
    image: docker.io/library/web:1
    container_name: ${PREFIX}-web
    environment: [MAILER=array, "URL=${URL}", MAILER, URL=http://x]
  proxy:
    environment: {A: b}
"""


def test_last_values_names_and_missing_images(run: Run, tmp_path: Path) -> None:
    """Of a variable that is given twice, the last value counts; a name is no input of systemd."""
    code, said = run(
        {"v/compose.yaml": VARIED},
        *("fix", "./v", "--to", "quadlet", "-o", "out", "--podman-version", "5.4"),
    )
    assert code == 0, said
    unit = (tmp_path / "out/web.container").read_text()
    assert "Environment=MAILER=${MAILER}" in unit
    assert "array" not in unit
    assert "Environment=URL=http://x" in unit
    assert "${URL}" not in unit
    assert "ContainerName=v_web_1\n" in unit
    assert "its name ${PREFIX}-web is open: it is called v_web_1" in said
    assert "proxy: left out: no image" in said
    assert not (tmp_path / "out/proxy.container").exists()


@pytest.mark.parametrize("version", ["4.4", "5.4", "5.8"])
def test_an_empty_word_beside_a_variable_stays(run: Run, tmp_path: Path, version: str) -> None:
    """What the generator runs is compared with what was meant; an empty word is a variable there."""
    text = "services: {a: {image: x/y:1, command: ['', '${FOO}', ';', serve]}}\n"
    code, said = run(
        {"e/compose.yaml": text},
        *("fix", "./e", "--to", "quadlet", "-o", "out", "--podman-version", version),
    )
    assert code == 0, said
    unit = (tmp_path / "out/a.container").read_text()
    assert "Exec=${HT_EMPTY} ${FOO} ${HT_SEMI} serve\n" in unit
    assert unit.count('Environment="HT_EMPTY=" "HT_SEMI=;"\n') == 1


def test_what_docker_does_unasked_is_no_line_of_a_unit(run: Run, tmp_path: Path) -> None:
    text = "services: {a: {image: x/y:1, pids_limit: -1, shm_size: 64m, ipc: private}}\n"
    asked = ("-o", "out", "--podman-version", "5.8", "--to", "quadlet")
    _, said = run({"d/compose.yaml": text}, "fix", "./d", *asked)
    unit = (tmp_path / "out/a.container").read_text()
    assert not re.search("pids|shm|ipc", unit, re.IGNORECASE), unit
    assert "left to Podman's own default" in said
    run({"p/podman-compose.yaml": text}, "fix", "./p/podman-compose.yaml", *asked)
    assert "PidsLimit=-1" in (tmp_path / "out/a.container").read_text()


@pytest.mark.parametrize("version", ["4.4", "5.4", "5.8"])
def test_a_network_that_no_unit_of_that_podman_makes_is_named(
    run: Run,
    tmp_path: Path,
    version: str,
) -> None:
    """Units of networks know PodmanArgs= only since NetworkName=."""
    text = (
        "services: {a: {image: x/y:1, networks: [n]}}\n"
        "networks: {n: {driver_opts: {com.docker.network.bridge.name: br-n}}}\n"
    )
    code, said = run(
        {"m/compose.yaml": text},
        *("fix", "./m", "--to", "quadlet", "-o", "out", "--podman-version", version),
    )
    assert code == 0, said
    written = (tmp_path / "out/m_n.network").exists()
    assert written != ("podman network create --interface-name=br-n m_n" in said)
    assert written == (version != "4.4")


def test_data_in_a_volume_without_a_name_gets_one(run: Run, tmp_path: Path) -> None:
    """Compose carries it on to the next container: Quadlet removes it at each stop."""
    stack = (
        "services:\n  db: {image: 'postgres:17'}\n  cache: {image: 'redis:7', volumes: [kept:/data]}\n"
        "  shop: {image: team/shop:1, volumes: [/srv]}\nvolumes: {kept: {}}\n"
    )
    convert = ("fix", "./s", "--to", "quadlet", "--podman-version", "5.8", "-o", "out")
    code, text = run({"s/compose.yaml": stack}, *convert)
    assert code == 0, text
    out = tmp_path / "out"
    assert "Volume=s_db-data.volume:/var/lib/postgresql/data" in lines(out / "db.container")
    assert "Volume=s_shop-srv.volume:/srv" in lines(out / "shop.container")
    names = {path.name for path in out.glob("*.volume")}
    assert names == {"s_db-data.volume", "s_shop-srv.volume", "s_kept.volume"}
    assert "what it keeps in /srv is in the volume s_shop-srv" in text


def test_a_health_check_that_is_switched_off_stays_off(run: Run, tmp_path: Path) -> None:
    """The image may bring one."""
    text = "services: {a: {image: x/y:1, healthcheck: {disable: true}}}\n"
    script = "#!/bin/sh\npodman run --name b --no-healthcheck x.example/y:1\n"
    asked = ("-o", "out", "--podman-version", "5.8", "--to", "quadlet")
    run({"d/compose.yaml": text}, "fix", "./d", *asked)
    run({"b.sh": script}, "fix", "./b.sh", "--as-is", *asked)
    for name in "ab":
        assert "HealthCmd=none\n" in (tmp_path / f"out/{name}.container").read_text()


def test_a_network_mode_that_is_open_gets_no_name_on_it(run: Run, tmp_path: Path) -> None:
    """`host` takes none."""
    text = "services: {a: {image: x/y:1, network_mode: '${MODE}'}}\n"
    run({"d/compose.yaml": text}, "fix", "./d", "-o", "out", "--to", "quadlet")
    assert "Network=${MODE}\n" in (tmp_path / "out/a.container").read_text()
