"""Secrets in what is kept: masked wherever they stand, and still recognised by the checks."""

import json

import pytest

from hardentui.reading import masking
from hardentui.reading.masking import WITHHELD, mask_argument, mask_document, mask_text
from hardentui.reading.secrets import secret_pair, secret_value
from hardentui.visible import MASK

SECRET = "hunter2hunter2"


@pytest.mark.parametrize(
    "document",
    [
        {
            "Config": {
                "Env": [
                    f"DB_PASSWORD={SECRET}",
                    f"TOKEN={SECRET} with blanks {SECRET}",
                ]
            }
        },
        {
            "CreateCommand": [
                "podman",
                "run",
                "-e",
                f"API_KEY={SECRET}",
                f"--env=PGPASS={SECRET}",
            ]
        },
        {
            "Cmd": ["server", "--db-password", SECRET],
            "Args": ["--creds", f"me:{SECRET}"],
        },
        {"Cmd": [f"--password={SECRET}"]},
        {"History": [{"created_by": f"/bin/sh -c export X=1 SECRET_KEY={SECRET} && make"}]},
        {
            "Labels": {"io.example.password": SECRET},
            "Config": {"Annotations": {"token": SECRET}},
        },
        {"Options": {"o": f"username=me,password={SECRET},vers=3"}},
        {
            "unit": (
                f'[Container]\nEnvironment=DB_PASSWORD={SECRET}\nEnvironment="A_TOKEN={SECRET} x"\n'
            )
        },
        {"Env": [f"URL=postgres://me:{SECRET}@db/x"]},
    ],
)
def test_secrets_are_masked_wherever_they_stand(document: object) -> None:
    assert SECRET not in json.dumps(mask_document(document))


def test_everything_else_stays() -> None:
    document = {
        "Config": {
            "Env": [
                "PATH=/usr/bin",
                "PWD=/",
                "HOME=/root",
                "X_PASSWORD=*******",
                "KEY_FILE=/run/k",
            ],
            "CreateCommand": ["podman", "run", "--secret", "db-password", "--secret=id", "nginx"],
            "Labels": {"app": "shop"},
            "Tty": False,
            "Size": 3,
            "None": None,
        }
    }
    assert mask_document(document) == document


@pytest.mark.parametrize(
    "value",
    [
        "postgres://me:hunter2hunter2@db/x",
        "AKIA" + "A1B2" * 4,
        "ghp_" + "a1B2c3" * 6,
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abcdefghijkl",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEabcdefgh\n-----END RSA PRIVATE KEY-----",
    ],
)
def test_the_shape_of_a_secret_stays(value: str) -> None:
    masked = mask_text(value)
    assert masked != value
    assert secret_value(masked) == secret_value(value)


def test_a_masked_variable_is_still_a_plain_secret() -> None:
    name, _, value = mask_text(f"DB_PASSWORD={SECRET}").partition("=")
    assert secret_pair(name, value) == secret_pair("DB_PASSWORD", SECRET) != ""


@pytest.mark.parametrize(
    ("argument", "shown"),
    [
        (
            "POSTGRES_PASSWORD_FILE=/run/secrets/db",
            "POSTGRES_PASSWORD_FILE=/run/secrets/db",
        ),
        ("API_KEY_PATH=/etc/keys/api.pem", "API_KEY_PATH=/etc/keys/api.pem"),
        (
            "POSTGRES_PASSWORD_FILE=hunter2",
            f"POSTGRES_PASSWORD_FILE={MASK}",
        ),
        (
            "POSTGRES_PASSWORD=/run/secrets/db",
            f"POSTGRES_PASSWORD={MASK}",
        ),
        ("API_KEY_PATH=/9j/4AAQ+a==", f"API_KEY_PATH={MASK}"),
    ],
)
def test_the_name_of_a_file_with_a_secret_is_none(
    argument: str,
    shown: str,
) -> None:
    assert mask_argument("env", argument) == shown


@pytest.mark.parametrize(
    ("program", "arguments"),
    [
        ({"Path": "mysql"}, "Args"),
        ({"entrypoint": "/usr/bin/mysql"}, "arguments"),
        ({"Entrypoint": ["timeout", "5", "mysql"]}, "Cmd"),
    ],
)
def test_a_password_is_masked_where_the_program_stands_in_another_field(
    program: dict[str, object],
    arguments: str,
) -> None:
    document = program | {arguments: ["-u", "root", "-pcorrect-horse"]}
    assert mask_document(document) == program | {arguments: ["-u", "root", f"-p{WITHHELD}"]}


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (
            "podman run -d --name web --secret=certs img",
            "podman run -d --name web --secret=certs img",
        ),
        ("podman run \\\n  --secret certs \\\n  img", "podman run \\\n  --secret certs \\\n  img"),
        ("  --secret certs \\", "  --secret certs \\"),
        ("podman run img --secret=hunter2", f"podman run img --secret={WITHHELD}"),
        ("podman run img --secret hunter2", f"podman run img --secret {WITHHELD}"),
        ("app --secret=hunter2", f"app --secret={WITHHELD}"),
        ("podman run img; app --secret hunter2", f"podman run img; app --secret {WITHHELD}"),
        ("mysql \\\n  -phunter2 db", f"mysql \\\n  -p{WITHHELD} db"),
    ],
)
def test_podman_names_secrets_and_other_programs_take_them(command: str, shown: str) -> None:
    assert mask_text(command) == shown
    words = command.replace("\\\n", "").split()
    assert mask_document({"Cmd": words})["Cmd"] == shown.replace("\\\n", "").split()


def test_a_text_of_many_commands_costs_as_much_as_each(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[int] = []
    begins = masking._begins_with_run

    def counting(words: list[str]) -> bool:
        looked_at.append(len(words))
        return begins(words)

    monkeypatch.setattr(masking, "_begins_with_run", counting)
    for count in (2_000, 4_000):
        looked_at.clear()
        mask_text("podman run --secret=x img " * count)
        assert looked_at
        assert max(looked_at) <= 1_000
