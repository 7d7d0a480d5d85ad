"""The port of the Quadlet generator: what changes between versions, what it refuses, what it sees
lost.

That it equals the real generator of one version is shown in tests/live/test_quadlet_port.py.
"""

from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import astuple

from hardentui.checks.prelude import container, rootful
from hardentui.errors import CannotExpress, GeneratorError
from hardentui.features.fix.drafts import new_files
from hardentui.features.fix.proofs import prove_by_port
from hardentui.lib.quadlet import generate, losses
from hardentui.lib.quadlet.text import UnitRefused
from hardentui.model.draft import Target
from hardentui.model.podman_version import Version
from hardentui.model.spec import Spec
from hardentui.options import COMMAND, ENV, IMAGE, LABELS, NAME, RUNTIME, TABLE
from hardentui.options.argv import CARRIED_GLOBALS
from hardentui.quadlet.write.bundle import Bundle, UnitContext, bundle
from tests.property.recorded_cases import names, read_case

HEAD = "[Container]\nImage=registry.example/i:1\n"
DAILY = (
    Version(4, 4),
    Version(4, 9),
    Version(5, 0),
    Version(5, 4, 2),
    Version(5, 8, 2),
    Version(6, 1),
)
EVERY_VERSION = [
    Version(*numbers)
    for numbers in (
        (4, 4), (4, 5), (4, 6), (4, 7), (4, 8), (4, 9), (5, 0), (5, 1), (5, 2), (5, 3), (5, 4, 2), (5, 5),
        (5, 6), (5, 7), (5, 8), (5, 8, 2), (6, 0), (6, 1),
    )
]  # fmt: skip
each_version = pytest.mark.parametrize(
    "version",
    [v if v in DAILY else pytest.param(v, marks=pytest.mark.long) for v in EVERY_VERSION],
    ids=str,
)


def argv(
    lines: str,
    version: str = "5.4.2",
    **others: str,
) -> tuple[str, ...]:
    units = {"web.container": HEAD + lines + "\n"}
    units |= {name.replace("_", "."): text for name, text in others.items()}
    return generate(
        units,
        version=astuple(Version.parse(version)),
        rootless=False,
    )["web.service"]


def refusal(
    lines: str,
    version: str = "5.4.2",
    **others: str,
) -> str:
    with pytest.raises(UnitRefused) as caught:
        argv(lines, version, **others)
    return str(caught.value)


@pytest.mark.parametrize(
    ("line", "since", "before"),
    [
        ("AutoUpdate=registry", "4.6", "4.5"),
        ("GroupAdd=1", "5.1", "5.0"),
        ("Memory=1g", "5.5", "5.4.2"),
        ("AppArmor=x", "5.8", "5.7"),
        ("ImageVolume=bind", "6.1", "6.0"),
    ],
)
def test_a_key_is_refused_before_its_version(
    line: str,
    since: str,
    before: str,
) -> None:
    assert argv(line, since) != argv("", since)
    key = line.partition("=")[0]
    assert f"unsupported key '{key}' in group 'Container'" in refusal(line, before)


@pytest.mark.parametrize(
    ("name", "text", "since", "before"),
    [
        ("n_network", "[Network]\nInterfaceName=x\n", "5.6", "5.5"),
        ("v_volume", "[Volume]\nVolumeName=x\n", "4.7", "4.6"),
        ("v_volume", "[Volume]\nUID=1\n", "6.0", "5.8.2"),
        ("p_pod", "[Pod]\nHostName=x\n", "5.5", "5.4.2"),
        ("p_pod", "[Pod]\n", "5.0", "4.9"),
        ("i_image", "[Image]\nImage=x\nPolicy=always\n", "5.6", "5.5"),
        ("b_build", "[Build]\nImageTag=x\nFile=/x\nBuildArg=A=1\n", "5.7", "5.6"),
    ],
)
def test_so_are_keys_of_the_units_around_it(
    name: str,
    text: str,
    since: str,
    before: str,
) -> None:
    assert argv("", since, **{name: text})[-1] == "registry.example/i:1"
    assert "unsupported key" in refusal(
        "", before, **{name: text}
    ) or "does not know [Pod]" in refusal("", before, **{name: text})


VERSION_DEPENDENT = [
    # lines, version, words that are there, words that are not
    ("", "5.5", ["--cidfile=\0%t/\0%N.cid"], []),
    ("", "5.6", [], ["--cidfile=\0%t/\0%N.cid"]),
    ("", "4.4", ["--log-driver", "passthrough"], []),
    ("", "4.5", [], ["--log-driver"]),
    ("ReadOnly=true", "4.7", ["--read-only", "--read-only-tmpfs=false"], []),
    ("ReadOnly=true", "4.8", ["--read-only"], ["--read-only-tmpfs=false"]),
    ("HealthCmd=sh -c \"x\"", "5.8.1", ['sh -c "x'], ['sh -c "x"']),
    ("HealthCmd=sh -c \"x\"", "5.8.2", ['sh -c "x"'], []),
    ('HealthCmd="x"', "5.8.2", ["x"], ['"x"']),
    ("Entrypoint=x", "5.8.1", ["--entrypoint", "x"], ["--entrypoint=x"]),
    ("Entrypoint=x", "5.8.2", ["--entrypoint=x"], ["--entrypoint"]),
    ("Environment=FOO", "5.5", [], ["--env", "FOO"]),
    ("Environment=FOO", "5.6", ["--env", "FOO"], []),
    ("Label=foo", "5.5", [], ["--label"]),
    ("Notify=healthy", "4.9", ["--sdnotify=conmon"], []),
    ("Notify=healthy", "5.0", ["--sdnotify=healthy"], []),
    ("Mount=type=volume,dst=/x", "6.0", ["type=volume,dst=/x"], []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "version", "there", "absent"),
    VERSION_DEPENDENT,
)
def test_versions_differ(
    lines: str,
    version: str,
    there: list[str],
    absent: list[str],
) -> None:
    made = argv(lines, version)
    assert [word for word in there if word not in made] == []
    assert [word for word in absent if word in made] == []


@pytest.mark.parametrize("version", ["4.8", "5.4.2", "6.1"])
@pytest.mark.parametrize(
    ("lines", "tail"),
    [
        ('Exec=a "" b', ("a",)),
        ("Exec=a \\d b", ()),
        ("Exec=find . -exec x ; y", ("find", ".", "-exec", "x")),
        (
            'Exec=a ${HT_EMPTY} b\n[Service]\nEnvironment="HT_EMPTY="',
            ("a", "", "b"),
        ),
        ("Exec=a \"b c\" 'd'", ("a", "b c", "d")),
    ],
)
def test_words_are_lost_in_every_version(
    version: str,
    lines: str,
    tail: tuple[str, ...],
) -> None:
    made = argv(lines, version)
    assert made[made.index("registry.example/i:1") + 1 :] == tail


@pytest.mark.parametrize(
    ("section", "line", "what"),
    [
        (
            "Network",
            'Label="a=\\d"',
            "line 2: the unknown escape \\d loses the whole line (Label=)",
        ),
        (
            "Volume",
            'PodmanArgs=--x "" --y',
            "an empty word is lost, and all words after it (PodmanArgs=)",
        ),
        ("Network", "Options=isolate", "a name without `=` is lost (Options=)"),
        (
            "Pod",
            'UIDMap="0:1:2',
            "a quote that is never closed loses the whole line (UIDMap=)",
        ),
        ("Volume", "VolumeName=x\\\n#", "a continued line that never ends is lost"),
    ],
)
def test_what_units_around_a_container_lose_is_told(
    section: str,
    line: str,
    what: str,
) -> None:
    files = {
        "web.container": HEAD + "ContainerName=web",
        f"x.{section.lower()}": f"[{section}]\n{line}\n",
    }
    result = losses(files, version=astuple(Version(5, 4, 2)))
    assert len(result) == 1
    assert what in result[0]
    assert result[0].startswith(f"x.{section.lower()}, line 2: ")
    argv = ["run", "--name=web", "registry.example/i:1"]
    assert (
        prove_by_port(
            files,
            argv,
            Version(5, 4, 2),
            False,
        )
        == result
    )


@cache
def _specs() -> tuple[tuple[str, Spec], ...]:
    return tuple((name, read_case("create", name)) for name in names("create"))


def _units(made: Bundle) -> dict[str, str]:
    return {file.name: file.text for file in made.files if file.is_unit}


@each_version
def test_every_recorded_container_comes_through_in_every_version(version: Version) -> None:
    proven = 0
    for name, spec in _specs():
        try:
            made = bundle(spec, UnitContext(version=version))
            differences = prove_by_port(
                _units(made),
                made.argv,
                version,
                False,
            )
        except CannotExpress:
            continue
        except GeneratorError as error:  # an image is needed by a generator that knows no Rootfs=
            if spec[IMAGE] or "no Image or Rootfs" not in str(error):
                raise
            continue
        if version < Version(4, 8) and any(
            row.flag in CARRIED_GLOBALS for row in TABLE if row in spec
        ):
            # the first generators run crun by themselves
            forced = version < Version(4, 4, 3) and spec[RUNTIME] == "/usr/bin/crun"
            if not forced:  # no key can hold it: found, not lost
                assert "global flag" in differences[0]
            continue
        assert differences == (), name
        proven += 1
    assert proven > 270


SPEC = (
    Spec()
    .with_(IMAGE, "registry.example/i:1")
    .with_(NAME, "web")
    .with_(COMMAND, ("sh", "-c", 'echo "$HOME" 100%; exit', ""))
    .with_(ENV, ("A=x y", "B=\\d"))
    .with_(LABELS, ("l=;",))
)


@each_version
def test_each_line_of_a_unit_matters(version: Version) -> None:
    made = bundle(SPEC, UnitContext(version=version))
    text = _units(made)["web.container"]
    assert (
        prove_by_port(
            {"web.container": text},
            made.argv,
            version,
            False,
        )
        == ()
    )
    lines = text.split("\n")
    section = ""
    checked = 0
    for number, line in enumerate(lines):
        section = line if line.startswith("[") else section
        if section != "[Container]" or "=" not in line:
            continue
        without = "\n".join(lines[:number] + lines[number + 1 :])
        try:
            assert prove_by_port(
                {"web.container": without},
                made.argv,
                version,
                False,
            ), line
        except GeneratorError:
            assert line.startswith("Image=")
        checked += 1
    assert checked == 6


@settings(
    max_examples=60,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    number=st.integers(0, 10_000),
    character=st.sampled_from("\"\\'$%; \n#x="),
)
def test_a_changed_character_never_goes_unseen(
    number: int,
    character: str,
) -> None:
    """Whatever is put into the lines of [Container]: the command differs, or it is the same
    command."""
    made = bundle(SPEC, UnitContext(version=Version(5, 4, 2)))
    text = _units(made)["web.container"]
    start, end = text.index("[Container]") + len("[Container]\n"), text.index("[Service]")
    at = start + number % (end - start)
    changed = {"web.container": text[:at] + character + text[at:]}
    before = generate(
        {"web.container": text},
        version=astuple(Version(5, 4, 2)),
        rootless=False,
    )
    try:
        after = generate(
            changed,
            version=astuple(Version(5, 4, 2)),
            rootless=False,
        )
    except UnitRefused:
        return
    same = after == before
    assert (
        prove_by_port(
            changed,
            made.argv,
            Version(5, 4, 2),
            False,
        )
        == ()
    ) == same


def _written(version: Version | None) -> str:
    facts = container(engine=rootful(version=Version(5, 4, 2))).replace(spec=SPEC)
    return new_files(
        facts,
        None,
        Target.QUADLET,
        version=version,
    ).proof


def _without_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "hardentui.features.fix.proofs.find_generator",
        lambda: None,
    )


def test_the_port_stands_in_where_there_is_no_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    _without_generator(monkeypatch)
    assert _written(None) == (
        "the generator of Podman 5.4.2, as built into HardenTUI, accepts its keys and produces exactly"
        " the intended command; Podman itself checks the values"
    )


@pytest.mark.parametrize(
    "version",
    [Version(4, 6), Version(5, 4), Version(6, 0)],
)
def test_the_port_stands_in_for_another_version(
    version: Version,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "hardentui.features.fix.proofs.find_generator",
        lambda: "/never/started",
    )
    assert (
        f"the generator of Podman {version}, as built into HardenTUI, accepts its keys"
        in _written(version)
    )


def test_the_hosts_own_generator_is_asked_for_its_own_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        "hardentui.features.fix.proofs.find_generator", lambda: "/no/such/generator"
    )
    for version in (None, Version(5, 4, 2)):
        with pytest.raises(GeneratorError, match="/no/such/generator cannot be run"):
            _written(version)


@pytest.mark.parametrize(
    ("version", "asked"), [(Version(5, 4, 2), True), (Version(5, 8, 6), False)]
)
def test_a_generator_of_another_podman_is_not_asked(
    version: Version,
    asked: bool,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    generator = tmp_path / "quadlet"
    generator.write_text(
        f"#!/bin/sh\n[ $1 = -version ] && echo {version} && exit\necho no >&2; exit 1\n"
    )
    generator.chmod(0o755)
    monkeypatch.setattr(
        "hardentui.features.fix.proofs.find_generator",
        lambda: str(generator),
    )
    if asked:
        with pytest.raises(GeneratorError, match="rejects the unit"):
            _written(None)
    else:
        assert "as built into HardenTUI" in _written(None)
