"""The labs that come with HardenTUI, done on the simulated host; faults of labs; what an answer may
say."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from msgspec.structs import replace

from hardentui.__main__ import main
from hardentui.checks import all_checks
from hardentui.cli.check import arguments
from hardentui.cli.parser import Parser
from hardentui.errors import InputError, UsageError
from hardentui.features.training.answers import RUNS_FOR, answer
from hardentui.features.training.lab import Lab, Level
from hardentui.features.training.lab_files import load_labs, parse_lab
from hardentui.features.training.progress import TrainingProgress, load_progress
from hardentui.features.training.proving import check_lab, missed, refused
from hardentui.features.training.surplus import SURPLUS
from hardentui.features.training.training import Training, Workplace

CHECKS = [check.id for check in all_checks()]
LABS = load_labs(checks=CHECKS)
BY_ID = {lab.id: lab for lab in LABS}
GOOD = (Path(__file__).parents[4] / "checklists" / "labs" / "read-only.toml").read_text()
each_lab = pytest.mark.parametrize(
    "lab",
    LABS,
    ids=[lab.id for lab in LABS],
)


@pytest.fixture
def training(tmp_path: Path) -> Training:
    place = Workplace(LABS, progress=str(tmp_path / "training.json"), folder=str(tmp_path / "labs"))
    return Training(place, None)


def test_there_are_labs_for_every_step_and_some_to_begin_and_end_with() -> None:
    levels = [lab.level for lab in LABS]
    assert levels[:3] == [Level.GENTLE] * 3
    assert levels[-2:] == [Level.COMBINED] * 2
    main = Counter(lab.steps[0] for lab in LABS)
    assert all(main[step] >= 2 for step in range(1, 11)), main


@each_lab
def test_a_lab_starts_broken_and_its_solution_passes(
    lab: Lab,
    training: Training,
) -> None:
    assert check_lab(lab, training) == ()
    assert training.progress.of(lab.id).state == "passed"


@each_lab
def test_a_lab_knows_five_wrong_answers(lab: Lab) -> None:
    assert len(lab.wrong) >= 5
    assert len({(*answer.options, answer.policy) for answer in lab.wrong}) == len(lab.wrong)


@each_lab
def test_each_wrong_answer_is_refused_by_what_is_wrong_with_it(
    lab: Lab,
    training: Training,
) -> None:
    lab = training.find(lab.id)
    training.start(lab)
    told = [answer for answer in lab.wrong if answer.refused_by != "attack"]  # nobody attacks here
    faults = {answer: refused(lab, answer, training) for answer in told}
    assert not {answer: fault for answer, fault in faults.items() if fault}


def test_two_learners_share_no_name(tmp_path: Path) -> None:
    names = set()
    for learner in ("anna", "ben"):
        place = Workplace(LABS, progress=str(tmp_path / learner), folder=str(tmp_path))
        training = Training(place, None)
        training.start(training.find("own-network"))
        again = Training(place, None)
        lab = again.find("own-network")
        assert lab.container == training.find("own-network").container
        made = answer(lab, lab.solution, "/labs")
        names |= {lab.container, lab.label, lab.network("back"), made.words[-1]}
    assert len(names) == 8


def test_the_answer_is_told_only_when_it_is_asked_for(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    assert main(["train", "start", "memory-limit", "--demo"]) == 0
    assert "--memory" not in capsys.readouterr().out
    assert main(["train", "start", "memory-limit", "--guided", "--demo"]) == 0
    assert "--memory=64m" in capsys.readouterr().out
    assert main(["train", "run", "--memory=64m", "--memory-swap=64m"]) == 0
    assert "Solved, with guidance." in capsys.readouterr().out


def test_who_looks_at_the_solution_first_does_not_pass(training: Training) -> None:
    lab = BY_ID["read-only"]
    training.start(lab)
    assert training.solution(lab) == ("--read-only",)
    outcome = training.answer(["--read-only"])
    assert outcome.solved
    assert training.progress.of(lab.id).state == "shown"


def test_a_wrong_move_gets_the_author_s_words(training: Training) -> None:
    training.start(BY_ID["memory-limit"])
    outcome = training.answer(["--memory-reservation=32m"])
    assert not outcome.solved
    assert any("only a soft one" in remark for remark in outcome.remarks)


def test_progress_outlives_the_process_and_a_damaged_file_is_kept(
    training: Training,
    tmp_path: Path,
) -> None:
    training.start(BY_ID["first-run"])
    training.answer([])
    path = tmp_path / "training.json"
    again, notice = load_progress(str(path))
    assert (again, notice) == (training.progress, "")
    path.write_text("{")
    fresh, notice = load_progress(str(path))
    assert fresh == TrainingProgress()
    assert "kept as" in notice
    kept = [path for path in tmp_path.iterdir() if path.name.endswith(".kept")]
    assert [path.read_text() for path in kept] == ["{"]
    path.write_text(json.dumps({"version": 99}))
    assert "version 99" in load_progress(str(path))[1]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (
            ["--memory", "64x"],
            "does not accept this value of --memory",
        ),
        (
            ["--pids-limit=many"],
            "does not accept this value of --pids-limit",
        ),
        (["--readonly"], "no option --readonly"),
    ],
)
def test_the_simulated_host_refuses_what_podman_would(
    training: Training,
    options: list[str],
    why: str,
) -> None:
    training.start(BY_ID["memory-limit"])
    with pytest.raises(UsageError, match=why):
        training.answer(options)
    assert training.progress.current
    assert training.progress.current.options is None
    assert training.answer(["-m", "64m", "--memory-swap=64m", "--quiet"]).solved


def test_a_misspelled_option_gets_the_nearest_one(training: Training) -> None:
    training.start(BY_ID["read-only"])
    with pytest.raises(UsageError) as refusal:
        training.answer(["--readonly"])
    assert refusal.value.hint == "Did you mean --read-only?"


def test_a_wrong_call_is_no_attempt(training: Training) -> None:
    training.start(BY_ID["first-run"])
    with pytest.raises(UsageError):
        training.answer(["--volume=/:/host"])
    assert training.progress.current
    assert training.progress.current.options is None


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--volume=/etc:/x"], "outside the lab"),
        (["-v", "/:/x"], "outside the lab"),
        (["--volume={folder}/../..:/x"], "outside the lab"),
        (
            ["--mount=type=bind,source=/etc,target=/x"],
            "outside the lab",
        ),
        (
            ["--mount=type=bind,src=/etc,target=/x"],
            "outside the lab",
        ),
        (["--volume=other-volume:/x"], "outside the lab"),
        (["--volume={folder}:/x:O,upperdir=/etc,workdir=/tmp/w"], "outside the lab"),
        (["--mount=type=bind,source={folder},src=/etc,target=/x"], "outside the lab"),
        (["--mount=type=tmpfs,type=bind,src=/etc,target=/x"], "outside the lab"),
        (['--mount=type=bind,source={folder},"src=/etc",target=/x'], "outside the lab"),
        (["--volumes-from=db"], "leads out of the lab"),
        (["--network=host"], "not a network of this lab"),
        (["--net", "container:db"], "not a network of this lab"),
        (["--pid=container:db"], "leads out of the lab"),
        (["--ipc=host"], "leads out of the lab"),
        (
            ["--userns=ns:/proc/1/ns/user"],
            "leads out of the lab",
        ),
        (["--pod=shop"], "leads out of the lab"),
        (["--device=/dev/sda"], "leads out of the lab"),
        (["--name=db"], "is set by the lab"),
        (["--replace"], "is set by the lab"),
        (["--image=../../evil"], "no image"),
        (
            ["docker.io/library/alpine"],
            "Only options of podman run",
        ),
        (
            ["--read-only", "alpine", "sh"],
            "Only options of podman run",
        ),
        (["--env-file=/etc/shadow"], "leads out of the lab"),
        (["--env=AWS_SECRET_ACCESS_KEY"], "leads out of the lab"),
        (["-e*"], "leads out of the lab"),
    ],
)
def test_no_answer_leads_out_of_the_lab(
    options: list[str],
    why: str,
) -> None:
    with pytest.raises(UsageError, match=why):
        answer(
            BY_ID["read-only"],
            options,
            "/home/anna/labs/read-only",
        )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("minutes = 4", "minutes = 0"), "minutes"),
        (
            ("checks = [", 'checks = ["no-such-check", '),
            "no check called no-such-check",
        ),
        (('level = "gentle"', 'level = "hard"'), "level"),
        (
            ("[attack]", "[attack]\nmoves_tag = true"),
            "exactly one of run, moves_tag",
        ),
        (
            ("[attack]", '[attack]\nneighbour = "guest"'),
            "not one of its neighbours",
        ),
        (
            ('title = "A page', 'colour = "red"\ntitle = "A page'),
            "colour",
        ),
        (
            ('title = "A page', "title = A page"),
            "read-only has a fault",
        ),
    ],
)
def test_a_faulty_lab_is_told_in_one_sentence(
    change: tuple[str, str],
    why: str,
) -> None:
    assert change[0] in GOOD
    with pytest.raises(InputError, match=why):
        parse_lab(GOOD.replace(*change, 1), "read-only", CHECKS)


def test_a_lab_that_cannot_be_right_is_found_by_doing_it(training: Training) -> None:
    lab = replace(
        BY_ID["read-only"],
        start=("--read-only",),
        solution=(),
    )
    faults = " ".join(check_lab(lab, training))
    assert "writable-rootfs does not fail at the start" in faults
    assert "it is not solved by its solution" in faults


def test_a_link_in_the_directory_leads_nowhere_else(tmp_path: Path) -> None:
    directory = tmp_path / "lab"
    directory.mkdir()
    (directory / "out").symlink_to("/etc")
    lab = BY_ID["host-folder"]
    assert answer(
        lab,
        ["--volume={folder}:/host:ro"],
        str(directory),
    ).words
    with pytest.raises(UsageError, match="outside the lab"):
        answer(
            lab,
            ["--volume={folder}/out:/host:ro"],
            str(directory),
        )


@each_lab
def test_a_lab_tells_a_story_why_it_works_and_asks_a_question(lab: Lab) -> None:
    assert re.search(r"\b(shops?|kiosk|baker|jeweller)\b", lab.story)
    assert len(re.findall(r"[.!?](?=\s|$)", lab.why.strip())) == 3
    assert lab.question.endswith("?")
    assert lab.reply
    answers = [option for option in lab.solution if option not in lab.start]
    assert not [option for option in answers if option in lab.story]


def test_the_question_of_a_lab_is_answered_once_it_is_solved(training: Training) -> None:
    lab = BY_ID["first-run"]
    training.start(lab)
    with pytest.raises(UsageError, match="solve it first"):
        training.reply(lab)
    training.answer([])
    assert training.reply(lab) == lab.reply


def test_a_solved_lab_shows_a_number_that_moved(training: Training) -> None:
    lab = BY_ID["memory-limit"]
    assert training.start(lab).done_text == "1 of 3 done"
    assert training.answer(["--memory=200m"]).done_text == "2 of 3 done, 1 at the start"
    assert training.answer(["--memory=64m"]).done_text == "3 of 3 done, 1 at the start"


def test_what_a_lab_starts_ends_by_itself_and_no_answer_says_otherwise() -> None:
    lab = BY_ID["read-only"]
    assert f"--timeout={RUNS_FOR}" in answer(lab, [], "/labs").words
    for option in ("--timeout=0", "--restart=always"):
        with pytest.raises(UsageError, match="is set by the lab"):
            answer(lab, [option], "/labs")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--log-driver=k8s-file", "--log-opt=path=/home/anna/.bashrc"], "where Podman puts it"),
        (["--log-opt", "path=/etc/x"], "where Podman puts it"),
        (["--init", "--init-path=/etc/shadow"], "leads out of the lab"),
        (["--hosts-file=/etc/shadow"], "leads out of the lab"),
        (["--health-log-destination=/home/anna"], "leads out of the lab"),
        (["--annotation=run.oci.keep_original_groups=1"], "leads out of the lab"),
        (["--device-cgroup-rule=b *:* rwm"], "leads out of the lab"),
        (["--requires=db"], "leads out of the lab"),
        (["--security-opt=seccomp=/etc/shadow"], "outside the lab"),
        (["--label=io.hardentui.lab=ben.read-only"], "the label is the lab's own"),
        (["-l", "io.hardentui.lab=image"], "the label is the lab's own"),
    ],
)
def test_no_answer_reads_or_writes_a_file_of_the_host_or_takes_another_s_label(
    options: list[str],
    why: str,
) -> None:
    with pytest.raises(UsageError, match=why):
        answer(BY_ID["read-only"], options, "/home/anna/labs/read-only")


@pytest.mark.parametrize(
    "option",
    [
        "--privileged",
        "--cap-add=NET_ADMIN",
        "--group-add=0",
        "--ulimit=host",
        "--security-opt=unmask=/proc/kcore",
        "--oom-score-adj=-500",
        "--volume={folder}:/everything",
        "--volume={folder}:/everything:ro,U",
        "--volume={folder}:/everything:ro,rshared",
    ],
)
@each_lab
def test_no_lab_is_solved_by_an_answer_that_protects_less(
    lab: Lab,
    option: str,
    training: Training,
) -> None:
    if lab.policy:
        return
    training.start(lab)
    outcome = training.answer([*lab.solution, option])
    assert not outcome.solved
    done, most = outcome.done
    assert done < most


@each_lab
def test_what_is_wrong_with_an_answer_is_told_once(lab: Lab, training: Training) -> None:
    """What the task asks for says it better than the rule for all labs, which says the rest."""
    if lab.policy:
        return
    training.start(lab)
    told = {goal.name for goal in training.answer(["--privileged"]).goals if not goal.reached}
    assert (SURPLUS in told) != bool(told & set(lab.asks))


@each_lab
def test_each_right_answer_solves_its_lab(lab: Lab, training: Training) -> None:
    training.start(lab)
    assert not [*missed(lab, training)]


@each_lab
def test_the_service_of_a_lab_serves_the_page_and_what_its_task_names(lab: Lab) -> None:
    """Or an answer that ends the shop would be none that breaks it."""
    if lab.policy:
        return
    asked = " ".join(lab.service)
    assert "http://127.0.0.1:8080/" in asked
    reads = [
        place for place in ("/host", "/scratch", "/orders", "/var/lib/shop") if place in lab.task
    ]
    assert all(place in asked or "SHOP_PASSWORD_FILE" in asked for place in reads)


@each_lab
def test_after_a_lab_its_checks_are_to_be_run_on_one_s_own_host(lab: Lab) -> None:
    told = dict(lab.afterwards)
    parser = Parser(prog="check")
    arguments(parser)
    options = parser.parse_args(told["The same on your host"].split()[2:])
    assert options.check == list(lab.checks)
    assert {"Why it works", "A question"} <= told.keys()


@each_lab
def test_the_page_of_a_check_names_its_labs(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    for check in lab.checks:
        assert main(["explain", check, "--no-color"]) == 0
        assert f"hardentui train start {lab.id} " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--user=nobody"], "no account nobody"),
        (["--group-add=disk"], "no account disk"),
        (["--cap-drop=all", "--cap-add=all"], "all cannot be added and dropped"),
        (["--cap-drop=SETPCAB"], "no capability CAP_SETPCAB"),
        (["--tmpfs=/x:exec,noexec"], "both exec and noexec"),
        (["--tmpfs=/x:size=1m,size=2m"], "one size"),
        (["--volume={folder}:/x:ro,rw"], "both ro and rw"),
        (["--volume={folder}:/x:O,noexec"], "O has no other option"),
        (["--volume={folder}:/x", "--tmpfs=/x"], "/x is mounted twice"),
        (["--tmpfs=x"], "x is no absolute path"),
        (["--cpus=0.5", "--cpu-quota=50000"], "cannot be given together"),
    ],
)
def test_the_simulated_host_refuses_what_podman_refuses(
    training: Training, options: list[str], why: str
) -> None:
    training.start(BY_ID["first-run"])
    with pytest.raises(UsageError, match=why):
        training.answer(options)


@pytest.mark.parametrize(
    ("options", "works"),
    [
        (["--env=PATH=/nowhere"], False),
        (["--pids-limit=1"], False),
        (["--memory=64k"], False),
        (["--ulimit=nofile=3:3"], False),
        (["--tmpfs=/bin:noexec"], False),
        (["--volume={folder}:/srv:ro"], False),
        (["--tmpfs=/srv/www:notmpcopyup,noexec,size=1m"], False),
        (['--entrypoint=["sleep","9"]'], None),
        (["--env=http_proxy=http://127.0.0.1:9/"], None),
        (["--ulimit=as=1000:1000"], None),
        (["--cgroup-conf=memory.max=max"], None),
        (["--security-opt=seccomp={folder}/open.json"], None),
        (["--tmpfs=/data:noexec,size=1m,nr_inodes=1"], None),
    ],
)
def test_the_simulated_host_takes_no_answer_for_solved_that_may_end_the_service(
    training: Training, options: list[str], works: bool | None
) -> None:
    training.start(BY_ID["first-run"])
    outcome = training.answer(options)
    assert not outcome.solved
    assert outcome.service.works is works
    assert outcome.service.output
    assert outcome.remarks
    done, most = outcome.done
    assert done < most


@pytest.mark.parametrize(
    ("lab", "options"),
    [
        ("host-folder", ["--volume={folder}/:/host/:ro,Z"]),
        ("not-root", ["--user=1000:1000", "--group-add=1000", "--volume={folder}:/data:ro"]),
        ("kernel-settings", ["--sysctl=net.ipv4.tcp_syncookies=1"]),
        ("version-and-rights", ["--image", "1.0", "--security-opt", "no-new-privileges"]),
    ],
)
def test_what_protects_as_much_is_no_surplus(
    training: Training, lab: str, options: list[str]
) -> None:
    training.start(BY_ID[lab])
    assert training.answer(options).solved


def test_a_tag_that_moves_is_a_surplus_in_every_lab(training: Training) -> None:
    training.start(BY_ID["drop-capabilities"])
    outcome = training.answer(["--cap-drop=all", "--image=latest"])
    assert not outcome.solved
    assert "moves with every push" in outcome.remarks[0]


@pytest.mark.parametrize(
    ("option", "solved"),
    [
        ("--hostname=db", False),
        ("--network-alias=db", False),
        ("--add-host=db:192.0.2.1", False),
        ("--hostname=till", True),
        ("--network-alias=till", True),
        ("--add-host=mail:192.0.2.1", True),
    ],
)
def test_the_name_of_a_neighbour_may_lead_the_shop_elsewhere(
    training: Training, option: str, solved: bool
) -> None:
    training.start(BY_ID["own-network"])
    assert training.answer(["--network=back", option]).solved is solved


def test_what_only_a_check_refuses_is_told_too(training: Training) -> None:
    training.start(BY_ID["leave-traces"])
    outcome = training.answer(["--log-driver=passthrough-tty"])
    assert outcome.remarks == (
        "No logs kept: its output goes to whatever started it, which was no systemd unit.",
    )


def test_the_next_lab_is_the_one_after_and_after_the_last_comes_what_was_left_out(
    training: Training,
) -> None:
    assert training.next == training.labs[0]
    for at, after in ((2, 3), (-1, 0)):
        lab = training.labs[at]
        training.start(lab)
        training.answer(lab.solution)
        assert training.next == training.labs[after]
