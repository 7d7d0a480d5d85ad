"""Editing any Quadlet: untouched lines stay, and what is read afterwards is what was planned."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hardentui.model.podman_version import Version
from hardentui.model.spec import Option, Spec
from hardentui.options import *
from hardentui.quadlet.edit.container import edit_quadlet
from hardentui.quadlet.edit.item_changes import applied, changes_between
from hardentui.quadlet.edit.service import quadlet_drop_in, service_drop_in
from hardentui.quadlet.read.container import QuadletFiles
from hardentui.quadlet.read.service import ServiceFiles
from hardentui.quadlet.write.container import container_unit
from hardentui.systemd.unit_text import UnitText
from tests.property.containers import NASTY

V = Version(5, 4)
_caps = st.lists(
    st.sampled_from(["NET_RAW", "SYS_ADMIN", "MKNOD", "CHOWN"]), max_size=3, unique=True
).map(tuple)
_texts = st.sampled_from([text for text in NASTY if text])
_pairs = st.dictionaries(
    st.sampled_from(["A", "B", "C"]),
    st.sampled_from(NASTY),
    max_size=3,
).map(lambda variables: tuple(f"{name}={value}" for name, value in variables.items()))
_VALUES: dict[Option[Any], st.SearchStrategy[Any]] = {
    CAP_ADD: _caps,
    CAP_DROP: _caps,
    ENV: _pairs,
    LABELS: _pairs,
    SYSCTL: st.sampled_from([(), ("net.a=1",), ("net.a=2", "net.b=1 2")]),
    NO_NEW_PRIVILEGES: st.booleans(),
    READ_ONLY: st.booleans(),
    PRIVILEGED: st.booleans(),
    MEMORY: st.sampled_from([0, 1 << 20, 1 << 30]),
    PIDS_LIMIT: st.sampled_from([2048, 10, -1]),
    SECCOMP_PROFILE: st.one_of(st.just(""), _texts),
    USER: st.sampled_from(["", "5", "5:6"]),
    HOSTNAME: st.one_of(st.just(""), _texts),
    HEALTH_CMD: st.one_of(st.just(""), _texts),
}


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    pairs = [(option, draw(values)) for option, values in _VALUES.items()]
    return Spec.of((IMAGE, "localhost/a:1"), *pairs)


_NOISE = (
    "",
    "# a comment",
    "; another",
    "\t# with a tab",
    "Foo = bar",
    "StartWithPod=\\\n  true",
)


@st.composite
def quadlets(draw: st.DrawFn) -> tuple[str, Spec]:
    """A unit with noise between its lines, and what it asks for."""
    spec = draw(specs())
    unit, _ = container_unit(
        spec, version=draw(st.sampled_from([Version(4, 4), V])), rootless=False, unit_name="u"
    )
    lines: list[str] = []
    for line in unit.text().splitlines():
        lines += [draw(st.sampled_from(("", "  "))) + line if line and line[0] != "[" else line]
        lines += draw(st.lists(st.sampled_from(_NOISE), max_size=1))
    end = draw(st.sampled_from(("\n", "\r\n")))
    text = end.join("\n".join(lines).split("\n"))
    return text + (end if draw(st.booleans()) else ""), spec


def alike(spec: Spec) -> dict[str, Any]:
    """Values; of lists, the order of the entries does not matter here."""
    values = spec.values()
    return {
        o.name: sorted(v) if isinstance(v, tuple) and o is not COMMAND else v
        for o, v in values.items()
    }


def is_subsequence(few: list[str], many: list[str]) -> bool:
    rest = iter(many)
    return all(item in rest for item in few)


@settings(max_examples=30, deadline=None)
@given(quadlets(), specs())
def test_untouched_lines_stay_and_the_plan_is_what_is_read(
    made: tuple[str, Spec],
    after: Spec,
) -> None:
    text, before = made
    files = QuadletFiles((text,))
    assert files.spec() == before
    changes = changes_between(before, after)
    done = edit_quadlet(files, changes, V)
    assert done.left_out == ()
    assert alike(done.files.spec()) == alike(after)
    changed = {change.option.quadlet.name for change in changes if change.option.quadlet} | {
        "PodmanArgs"
    }
    old, new = files.units[0], done.files.units[0]
    kept = [a for a in old.assignments if a.key not in changed and a.key != "Environment"]
    assert is_subsequence(
        [text[a.start : a.end].rstrip() for a in kept], [piece.rstrip() for piece in pieces(new)]
    )
    noise = [line for line in text.splitlines() if line.strip()[:1] in ("", "#", ";")]
    assert is_subsequence(noise, new.text.splitlines())
    assert (
        edit_quadlet(
            done.files,
            changes_between(after, after),
            V,
        ).files
        == done.files
    )


def pieces(unit: UnitText) -> list[str]:
    return [unit.text[a.start : a.end] for a in unit.assignments]


@settings(max_examples=20, deadline=None)
@given(quadlets(), specs())
def test_a_drop_in_says_the_same_as_an_edit(
    made: tuple[str, Spec],
    after: Spec,
) -> None:
    text, before = made
    wanted = after.with_(SECCOMP_PROFILE, before[SECCOMP_PROFILE])  # no drop-in takes this key away
    files = QuadletFiles((text,))
    done = edit_quadlet(
        files,
        changes_between(before, wanted.without(LOG_DRIVER)),
        V,
    )
    drop_in = quadlet_drop_in(files, done, ("x",))
    assert alike(QuadletFiles((text, drop_in)).spec()) == alike(wanted)


@settings(max_examples=30, deadline=None)
@given(
    specs(),
    specs(),
    st.sampled_from(["direct", "sh", "extra"]),
)
def test_a_service_gets_the_planned_command(
    before: Spec,
    after: Spec,
    kind: str,
) -> None:
    """Written into the command or the variable, the words that come out are those of the plan."""
    text = f"[Service]\nExecStart={_COMMANDS[kind]}\n"
    empty = Spec.of((IMAGE, "localhost/a:1"))
    first = service_drop_in(
        ServiceFiles((text,)),
        changes_between(empty, before),
        (),
    )
    files = ServiceFiles((text, first.text)) if first.text else ServiceFiles((text,))
    assert alike(files.spec()) == alike(before)
    changes = changes_between(before, after)
    second = service_drop_in(files, changes, ())
    assert second.left_out == ()
    final = ServiceFiles((*files.texts, second.text)) if second.text else files
    assert alike(final.spec()) == alike(after)
    words = [piece.text for piece in files.run_line().pieces]
    meant = applied(words, changes)
    assert sorted(meant) == sorted(piece.text for piece in final.run_line().pieces)
    assert COMMAND not in final.spec()


_COMMANDS = {
    "direct": "/usr/bin/podman run \\\n  --replace \\\n  localhost/a:1",
    "sh": "/bin/sh -c 'exec podman run \\\n  --replace localhost/a:1'",
    "extra": "/bin/sh -c 'podman run --replace ${PODMAN_EXTRA_ARGS} localhost/a:1'",
}
