"""The diff of `fix` is a patch: `git apply` takes it and makes the very files of `-o`."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hardentui.do import said
from hardentui.features.at_rest.masked_lines import mask_line
from hardentui.features.at_rest.patches import patch_of
from hardentui.model.draft import DraftFile
from hardentui.reading.masking import WITHHELD
from tests.unit.features.at_rest.stacks import EXAMPLES
from tests.unit.features.at_rest.test_checking import Run, run

__all__ = ["run"]

GIT = shutil.which("git") or ""  # of this machine: the tests have no programs in their PATH
pytestmark = pytest.mark.skipif(not GIT, reason="git is not installed")

HARDENED = ("notes",)
"""Examples that --all leaves as they are."""
UNIT = """\
[Container]
Image=docker.io/library/web:1
Secret=KEY,type=env,target=ADMIN
Environment=MODE=prod
Environment=DB_PASSWORD=hunter2-hunter2
NoNewPrivileges=false
AddCapability=SYS_ADMIN
Environment=API_TOKEN=0123456789abcdef0123456789
"""


def applied(folder: Path, patch: str, *flags: str) -> str:
    """What git says of a patch; empty where it has applied it."""
    done = subprocess.run(
        [GIT, "apply", *flags, "-"],
        cwd=folder,
        input=patch.encode(),
        capture_output=True,
        check=False,
    )
    return done.stderr.decode() if done.returncode else ""


def check_patch(
    run: Run,
    folder: Path,
    files: Mapping[str, str],
    *fixes: str,
) -> str:
    """The patch of a fix, which git applies to the same result as -o."""
    code, _ = run(files, "fix", "./s", *fixes, "-o", "out")
    if code:
        return ""
    _, text = run({}, "--quiet", "fix", "./s", *fixes)
    subprocess.run([GIT, "init", "-q", "."], cwd=folder, check=True)
    flags = ("--unidiff-zero",) if "git apply --unidiff-zero" in text else ()
    assert not applied(folder, text, *flags), text
    for path in (folder / "out").iterdir():
        assert (folder / "s" / path.name).read_bytes() == path.read_bytes(), text
    return text


@pytest.mark.parametrize("example", sorted(EXAMPLES))
def test_git_applies_the_patch_of_every_example(
    run: Run,
    tmp_path: Path,
    example: str,
) -> None:
    files = {"s/compose.yaml": EXAMPLES[example]}
    text = check_patch(run, tmp_path, files, "--all")
    assert text or example in HARDENED


def test_a_secret_is_no_context_and_the_patch_applies(run: Run, tmp_path: Path) -> None:
    text = check_patch(run, tmp_path, {"s/web.container": UNIT}, "--all")
    assert "hunter2" not in text
    assert "0123456789" not in text


def test_the_name_of_a_secret_is_context(run: Run, tmp_path: Path) -> None:
    unit = "[Container]\nImage=docker.io/library/web:1\nSecret=KEY,type=env,target=ADMIN\n"
    text = check_patch(run, tmp_path, {"s/web.container": unit}, "--all")
    assert "\n Secret=KEY,type=env,target=ADMIN\n" in text


@pytest.mark.parametrize(
    "lines",
    [
        "DB_PASSWORD: MARK # of the shop\n",
        "  DB_PASSWORD: 'MARK horse battery'\r\n",
        "  DB_PASSWORD: &pw MARK\n",
        "environment: {MODE: prod, DB_PASSWORD: MARK}\n",
        "  # DB_PASSWORD: MARK\n",
        "  # - DB_PASSWORD=MARK\n",
        "  - name: DB_PASSWORD\n    value: MARK\n",
        "  - --requirepass\n  - MARK\n",
        "  DB_PASSWORD: ${PW:-MARK}\n",
        "  DB_PASSWORD: $$MARK\n",
        "  DB_PASSWORD: a$MARK\n",
        'environment: {A: \'${X}\', "DB_PASSWORD": "a, MARK}", B: c}\n',
        'environment: {"DB_PASSWORD":"MARK"}\n',
        "environment: {DB_PASSWORD: ${PW:-MARK}, MODE: prod}\n",
        "environment: {DB_PASSWORD: ${A},\n  ROOT_PASSWORD: ${B}MARK}\n",
        "  - {DB_PASSWORD: [x, MARK], b: c}\n",
        "  x: {env: [{name: A, value: b}, {name: DB_PASSWORD, value: MARK}]}\n",
        "  db: {image: x, environment: {DB_PASSWORD: ${P}MARK}}\n",
        "env: [{name: DB_PASSWORD, value: MARK}, {name: B, value: c}]\n",
        "environment: {MODE: prod} # DB_PASSWORD: MARK\n",
        "# environment: {MODE: prod, DB_PASSWORD: MARK}\n",
        "environment: {DB_PASSWORD: 'MARK it''s', B: c}\n",
        'environment: {DB_PASSWORD: "MARK\n',
        'command: ["redis-server", "--requirepass", "MARK"]\n',
        "command: [redis-server, --requirepass, MARK, --appendonly, 'yes']\n",
        "  redis: {image: redis:7, command: [redis-server, --requirepass, MARK]}\n",
        'command: [\n  "redis-server",\n  "--requirepass", "MARK"\n]\n',
        'command: [\n  "redis-server", "--requirepass",\n  "MARK"\n]\n',
        "app --secret=MARK --mode=0400\n",
        "  --secret=db,mode=0400 docker.io/library/web:1 --token=MARK\n",
    ],
)
def test_no_form_of_a_credential_is_context(lines: str) -> None:
    before = f"{lines}a: 1\n{lines}"
    draft = DraftFile("x.yaml", before.replace("a: 1", "a: 2"), masked="", before=before)
    patch = patch_of(draft)
    assert "+a: 2" in patch.text
    assert "MARK" not in patch.text


@pytest.mark.parametrize(
    "line",
    [
        "  - DB_PASSWORD=${DB_PASSWORD}\n",
        "  DB_PASSWORD: ${PW:?give it}\n",
        "  # DB_PASSWORD=${PW}\n",
        "  - DB_PASSWORD=$DB_PASSWORD\n",
        "  DB_PASSWORD: $PW\n",
        "  URL: postgres://${NAME}:${PW}@db/shop\n",
        "environment: {DB_PASSWORD: ${PW}}\n",
        "environment: {MODE: prod, DB_PASSWORD: '${PW}', ROOT_PASSWORD: ${PW}, TZ: Europe/Oslo}\n",
        '  db: {image: x, environment: {DB_PASSWORD: ${P}, API_TOKEN: "${T:?give}"}, init: true}\n',
        '  - {DB_PASSWORD: "", MODE: prod}\n',
        "env: [{name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: db, key: password}}}]\n",
        "secrets: {db: {file: ./db}}\n",
        "DB_PASSWORD: *pw\n",
        "  - name: PORT\n",
        "  --secret=shop,type=env,target=DB_PASSWORD \\\n",
        "  --secret=shop,mode=0400 \\\n",
        "podman run -d --secret=shop docker.io/library/web:1\n",
    ],
)
def test_what_only_names_a_credential_is_context(line: str) -> None:
    before = f"{line}a: 1\n{line}"
    patch = patch_of(DraftFile("x.yaml", before.replace("a: 1", "a: 2"), masked="", before=before))
    assert patch.text.count(line) == 2
    assert not patch.bare


@pytest.mark.parametrize(
    "unit",
    [
        UNIT.replace("\n", "\r\n"),
        "[Container]\nImage=docker.io/library/web:1\nNoNewPrivileges=false",
    ],
)
def test_line_ends_stay(run: Run, tmp_path: Path, unit: str) -> None:
    (tmp_path / "s").mkdir()
    (tmp_path / "s/web.container").write_bytes(unit.encode())
    assert check_patch(run, tmp_path, {}, "--all", "--podman-version", "5.8")


def test_where_a_changed_line_holds_a_secret_it_says_what_to_do_instead() -> None:
    draft = DraftFile(
        "run.sh",
        "podman run -e PASSWORD=hunter2 --init web\n",
        masked="",
        before="podman run -e PASSWORD=hunter2 web\n",
    )
    patch = patch_of(draft)
    assert "hunter2" not in patch.text
    assert not patch.complete
    assert "write it in place, or to a directory" in said(patch.how)


LINES = st.sampled_from(
    ["a", "b", "PASSWORD=hunter2hunter2", "c d", "", "\tx", "Secret=KEY", "caf\u00e9", "e\u200bf"]
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(before=st.lists(LINES, max_size=14), after=st.lists(LINES, max_size=14), end=st.booleans())
def test_git_takes_any_complete_patch(
    tmp_path_factory: pytest.TempPathFactory,
    before: list[str],
    after: list[str],
    end: bool,
) -> None:
    old = "\n".join(before) + ("\n" if end else "")
    new = "\n".join(after) + "\n"
    patch = patch_of(DraftFile("x y.txt", new, masked="", before=old))
    assert "hunter2" not in patch.text
    if not patch.complete or old == new or not old:
        return
    folder = tmp_path_factory.mktemp("git")
    (folder / "x y.txt").write_text(old)
    flags = ("--unidiff-zero",) if patch.bare else ()
    assert not applied(folder, patch.text, *flags), patch.text
    assert (folder / "x y.txt").read_text() == new


@pytest.mark.parametrize(
    "line",
    ["# " + "a: " * 1300, "# " + "a" * 200_000, "a: {" + "b: [" * 900],
    ids=["pairs in pairs", "one long word", "brackets in brackets"],
)
def test_what_nobody_writes_by_hand_is_withheld(line: str) -> None:
    assert WITHHELD in mask_line(line)
