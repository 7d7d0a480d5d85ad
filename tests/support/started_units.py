"""Units carried out as systemd would: through this host's real generator, in a bench."""

from collections.abc import Mapping, Sequence

from hardentui.host.podman.generator import UNIT_SUFFIXES, dry_run, exec_start, find_generator
from hardentui.systemd.unit_text import unit_settings
from tests.conftest import cannot_run
from tests.support.podman import Bench

BEFORE_CONTAINERS = ("-volume.service", "-network.service", "-pod.service")
NEEDS_SYSTEMD = ("--cgroups=split",)


def services_of(files: Mapping[str, str]) -> dict[str, str]:
    """What the generator of this host makes of the units among these files: file name -> text."""
    generator = find_generator()
    if generator is None:
        cannot_run("there is no Quadlet generator; run: apt-get install podman")
    units = {name: text for name, text in files.items() if name.endswith(UNIT_SUFFIXES)}
    done = dry_run(
        units,
        user=False,
        generator=generator,
    )
    assert done.ok, done.stderr
    return dict(done.services)


def start_units(
    bench: Bench,
    files: Mapping[str, str],
    containers: Sequence[str],
) -> None:
    """Start all services of the units: volumes, networks and pods first, then the containers in
    this order.

    Only what needs a running systemd is left out of the commands.
    """
    services = services_of(files)
    run_directory = bench.directory / "units"
    run_directory.mkdir(exist_ok=True)
    run_directory.chmod(0o777)  # Podman writes there, also that of another user
    first = [name for suffix in BEFORE_CONTAINERS for name in services if name.endswith(suffix)]
    last = [f"{name}.service" for name in containers]
    assert sorted(first + last) == sorted(services)
    for name in first + last:
        for argv in commands_of(
            services[name],
            str(run_directory),
            name.removesuffix(".service"),
        ):
            assert argv[0].endswith("/podman"), argv
            bench.podman(*(word for word in argv[1:] if word not in NEEDS_SYSTEMD))


def commands_of(
    service: str,
    run_directory: str,
    name: str,
) -> list[tuple[str, ...]]:
    """ExecStartPre= and ExecStart= in their order, as systemd would split and expand them."""
    settings = [
        (key, value) for section, key, value in unit_settings(service) if section == "Service"
    ]
    variables = "".join(f"Environment={value}\n" for key, value in settings if key == "Environment")
    known = {"t": run_directory, "N": name, "n": f"{name}.service"}
    ordered = [
        value
        for wanted in ("ExecStartPre", "ExecStart")
        for key, value in settings
        if key == wanted
    ]
    return [exec_start(f"[Service]\n{variables}ExecStart={value}\n", known) for value in ordered]
