"""The commands in their groups, with an example each."""

from __future__ import annotations

GROUPS = {
    "look": {
        "check": "what is wrong with containers, the host, images",
        "explain": "a check: why it matters, what its fix may break; the score",
        "images": "who uses them, what is in them, vulnerabilities, updates",
        "networks": "who can reach whom; ways proven, networks split",
        "watch": "a container while it runs: use, changes, alarms",
        "doctor": "what works on this host, and what is missing",
    },
    "harden": {
        "harden": "try everything on a twin, show the card, apply what works",
        "plan": "the changes, with reasons and risks",
        "trial": "try changes, or another image, on a twin",
        "apply": "change the real container, with proof and a way back",
        "undo": "take a change back",
        "confirm": "keep a change that would otherwise be rolled back",
        "journal": "the changes on this host",
    },
    "write": {"fix": "write the files of a container, hardened or --as-is"},
    "site": {
        "trust": "which images Podman accepts, proven by real pulls",
        "waive": "accept a finding until a date, with owner and reason",
        "config": "settings, checklists of your own, shell completion",
    },
    "learn": {"train": "the ten steps in labs; --serve: in a browser"},
}


COMMANDS = {name: about for commands in GROUPS.values() for name, about in commands.items()}


MOVED = {
    "convert": "fix NAME --as-is",
    "host": "check host",
    "capabilities": "check NAME --rights",
    "seccomp": "check NAME --rights",
    "lsm": "check NAME --rights; fix NAME --as-is --to apparmor writes the profile",
    "monitor": "watch NAME",
    "compare": "check --since OLD, or check --facts NEW --since OLD",
    "facts": "check --save FILE",
    "rehearse": "trial NAME --image REF",
    "settings": "config show",
    "checklist": "config checklist new|lint FILE",
    "completion": "config completion SHELL",
    "serve": "train --serve",
    "pins": "images --updates; Renovate moves the digests in Quadlet files",
}
"""Commands of earlier releases -> what does the same now."""


EXAMPLES = {
    "harden": ("web", "web --try", "web cache --yes", "web -o ./web-hardened", "--everything"),
    "check": (
        "",
        "web --details",
        "web --rights",
        "host",
        "--format sarif -o report.sarif",
        "--step 5 --fail-on critical",
        "--filter 'score<50 !db'",
        "--save host.json",
        "--since last-week.json",
    ),
    "explain": ("writable-rootfs", "--list", "score"),
    "plan": ("web --safe", "web --likely -o web.toml"),
    "fix": (
        "web --as-is --to run",
        "web --plan web.toml --to quadlet -o ./units",
        "web --likely --to unit --in-place",
        "web db cache --likely -o ./units",
    ),
    "trial": (
        "web --all",
        'web --all --learn --probe "curl -fsS http://$TARGET:8080/" -o ./web',
        "web --image nginx:1.29",
    ),
    "apply": ("web --trial ./web/trial.json", "web --likely --confirm-within 120"),
    "undo": ("", "3"),
    "journal": ("", "--format json", "forget 3"),
    "images": ("", "--inside", "--scan", "nginx --sbom -o ./sboms"),
    "networks": ("", "--svg map.svg"),
    "trust": ("show",),
    "watch": ("web", "web --once --format json"),
    "waive": ('root-user --on web --reason "until March" --owner anna --until 2027-03-31',),
    "train": ("", "start first-run", "run --read-only", "hint", "--serve"),
    "config": (
        "",
        "show --format json",
        "checklist lint ./mine.toml",
        "completion bash > /etc/bash_completion.d/hardentui",
    ),
}


EXIT_CODES = """\
exit codes:
  0  fine
  1  findings at or above --fail-on; for harden, plan, fix and trial: nothing can be changed
  2  usage error
  3  Podman cannot be reached
  4  incomplete: something that matters could not be checked
  5  a change failed and was rolled back
  6  harden, trial: the twin does not work even without changes
  7  harden, trial: ended, because the original needs what the twins take
"""
