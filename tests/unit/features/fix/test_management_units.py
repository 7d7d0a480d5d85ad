"""Units of a management server and its proxies can be read and fixed: nothing of their command is
lost."""

import pytest
from msgspec.structs import replace

from hardentui.errors import CannotExpress
from hardentui.features.fix.edit_proofs import prove_edit
from hardentui.features.fix.unit_edits import UnitEdit, edited
from hardentui.features.looking.unit_origin import Origin, OriginKind, outdated_copy, unit_spec
from hardentui.model.plan import Plan
from hardentui.model.podman_version import Version
from hardentui.model.spec import Spec
from hardentui.options import *
from hardentui.systemd.search_paths import ServiceManager
from hardentui.writers.context import UnitContext
from tests.support import management_units
from tests.support.management_units import UNITS, image_drop_in

VERSION = Version(5, 4, 2)


def origin(
    service: str,
    *,
    image_known: bool = True,
    **over: str,
) -> Origin:
    text, variable, _ = UNITS[service]
    directory = f"/etc/systemd/system/{service}.d"
    drop_ins = ((f"{directory}/generated.conf", image_drop_in(variable)),) if image_known else ()
    path = f"/etc/systemd/system/{service}"
    return Origin(
        OriginKind.SERVICE,
        service,
        path,
        over.get("text", text),
        ServiceManager(False),
        drop_ins=drop_ins,
    )


def planned(before: Origin, after: Spec) -> UnitEdit:
    return edited(
        before,
        Plan(
            "club",
            "club",
            (),
            (),
            unit_spec(before),
            after,
        ),
        VERSION,
    )


def fixed(before: Origin, made: UnitEdit) -> Origin:
    """The unit once the drop-in lies where it belongs."""
    (file,) = made.files
    return replace(
        before,
        drop_ins=tuple(sorted((*before.drop_ins, (file.path, file.text)))),
    )


@pytest.mark.parametrize("service", UNITS)
@pytest.mark.parametrize("image_known", [True, False])
def test_name_and_image_are_read_whatever_variables_are_unset(
    service: str,
    image_known: bool,
) -> None:
    spec = unit_spec(origin(service, image_known=image_known))
    assert spec[NAME] == UNITS[service][2]
    assert (spec[IMAGE] == management_units.IMAGE) is image_known


def test_a_variable_goes_with_the_word_that_it_stands_in() -> None:
    """`-e TZ=${TZ}` with TZ unset: nothing of it may stay behind, where it would be taken for the
    image."""
    result = origin("club-events@0.service")
    before = unit_spec(result)
    assert "TZ=" in before[ENV]
    made = planned(
        result,
        before.with_(
            ENV, tuple(variable for variable in before[ENV] if not variable.startswith("TZ="))
        ),
    )
    assert made.left_out == ()
    assert "TZ" not in made.files[0].text.partition("ExecStart=\n")[2]
    assert "only the planned changes" in prove_edit(result, made, VERSION, VERSION)
    assert unit_spec(fixed(result, made))[IMAGE] == management_units.IMAGE


def copied(service: str = "club-web.service") -> tuple[Origin, UnitEdit]:
    """A unit whose drop-in repeats its command."""
    result = origin(service)
    before = unit_spec(result)
    return result, planned(result, before.with_(TTY, False))


def test_an_update_of_the_unit_is_noticed_behind_a_repeated_command() -> None:
    result, made = copied()
    updated = result.text.replace(
        "--cgroups=no-conmon",
        "--cgroups=no-conmon --secret club-new",
    )
    later = replace(fixed(result, made), text=updated)
    assert outdated_copy(later) == made.files[0].path
    before = unit_spec(later)
    with pytest.raises(
        CannotExpress,
        match="repeats a command that has since changed in the unit",
    ):
        planned(later, before.with_(CAP_DROP, ("all",)))


@pytest.mark.parametrize(
    "service",
    ["club-boot.service", "club-server.service"],
)
def test_a_network_that_a_fix_brings_is_created_before_the_start(service: str) -> None:
    result = origin(service)
    before = unit_spec(result)
    context = UnitContext(
        version=VERSION, networks={"club-net": {"name": "club-net", "driver": "bridge"}}
    )
    plan = Plan(
        "club",
        "club",
        (),
        (),
        before,
        before.with_(NETWORK, ("club-net",)),
    )
    made = edited(
        result,
        plan,
        VERSION,
        context=context,
    )
    line = "ExecStartPre=/usr/bin/podman network create --ignore club-net"
    assert made.files[0].text.splitlines().count(line) == 1
    assert "only the planned changes" in prove_edit(result, made, VERSION, VERSION)
    assert unit_spec(fixed(result, made))[NETWORK] == ("club-net",)


@pytest.mark.parametrize("version", ["4.7", "4.9", "5.2", "6.0"])
def test_an_edit_for_another_podman_is_proven_by_its_generator(version: str) -> None:
    """The host's own one would judge by other rules: there is a port of each."""
    target = Version.parse(version)
    text = "[Container]\nImage=a\nContainerName=web\nVolume=%h/d:/d\nUlimit=nofile=1:2\nUser=1000\n"
    path = "/etc/containers/systemd/web.container"
    result = Origin(
        OriginKind.QUADLET, "web.service", path, text, ServiceManager(False), version=target
    )
    before = unit_spec(result)
    after = before.with_(USER, "1000:1000").with_(
        ULIMIT,
        (*before[ULIMIT], "nproc=3:4"),
    )
    after = after.with_(
        MOUNTS,
        tuple(mount.with_options("ro") for mount in before[MOUNTS]),
    )
    made = edited(
        result,
        Plan("web", "a", (), (), before, after),
        target,
    )
    assert made.left_out == ()
    proof = prove_edit(result, made, target, VERSION)
    assert proof.startswith(
        f"the generator of Podman {target}, as built into HardenTUI, accepts it"
    )


def test_a_new_size_stands_behind_the_vendor_s_and_is_proven() -> None:
    """The drop-in freezes nothing of the command, which the vendor's next version may change."""
    text = "[Service]\nExecStart=/usr/bin/podman run --shm-size=0 $PODMAN_EXTRA_ARGS img\n"
    result = replace(origin(next(iter(UNITS))), text=text, drop_ins=())
    made = planned(result, unit_spec(result).with_(SHM_SIZE, 64 << 20))
    (file,) = made.files
    assert "ExecStart" not in file.text
    assert "--shm-size=64m" in file.text
    prove_edit(result, made, VERSION, VERSION)
    assert unit_spec(fixed(result, made))[SHM_SIZE] == 64 << 20
