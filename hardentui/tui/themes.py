"""Our own themes, and the status colours for every theme.

Blue stands for pass and orange for fail, which people with red-green colour blindness can tell
apart. Every text colour has a contrast of at least 4.5 on each of its backgrounds; a test computes
it.
"""

from __future__ import annotations

from textual.theme import Theme

_DARK = {
    "status-critical": "#ff6b81",
    "status-high": "#ffa657",
    "status-medium": "#e3c170",
    "status-low": "#cdbf96",
    "status-unknown": "#c5a8f5",
    "status-waived": "#9fb3c8",
    "status-pass": "#6cb2f7",
    "status-na": "#8f9bb0",
    "muted": "#97a3b8",
    "diff-added": "#7fc0ff",
    "diff-removed": "#ffab70",
}
_LIGHT = {
    "status-critical": "#a8003a",
    "status-high": "#9a4a00",
    "status-medium": "#775700",
    "status-low": "#665a2c",
    "status-unknown": "#5f3aa8",
    "status-waived": "#45586e",
    "status-pass": "#0a58a6",
    "status-na": "#566073",
    "muted": "#505b6d",
    "diff-added": "#0a529a",
    "diff-removed": "#93430a",
}
_CONTRAST = {
    "status-critical": "#ff9db0",
    "status-high": "#ffb84d",
    "status-medium": "#ffe066",
    "status-low": "#fff0b3",
    "status-unknown": "#e0ccff",
    "status-waived": "#d9e2ec",
    "status-pass": "#8fd0ff",
    "status-na": "#d0d6e0",
    "muted": "#dde3ec",
    "diff-added": "#9ad4ff",
    "diff-removed": "#ffbf66",
}


THEMES = (
    Theme(
        name="hardentui-dark",
        primary="#5aa9f5",
        secondary="#9fb3c8",
        accent="#5aa9f5",
        warning="#e3c170",
        error="#ff6b81",
        success="#6cb2f7",
        foreground="#d6deea",
        background="#10141b",
        surface="#161c26",
        panel="#1d2532",
        dark=True,
        variables={
            **_DARK,
            "cursor": "#1c3048",
            "border": "#3a4658",
            "block-cursor-background": "#1c3048",
            "block-cursor-foreground": "#f2f6fc",
            "footer-key-foreground": "#5aa9f5",
            "footer-background": "#161c26",
            "footer-description-foreground": "#b4c0d1",
            "input-selection-background": "#5aa9f5 35%",
        },
    ),
    Theme(
        name="hardentui-light",
        primary="#0a58a6",
        secondary="#45586e",
        accent="#0a58a6",
        warning="#775700",
        error="#a8003a",
        success="#0a58a6",
        foreground="#1c2430",
        background="#fbfcfe",
        surface="#f2f5f9",
        panel="#e6ecf3",
        dark=False,
        variables={
            **_LIGHT,
            "cursor": "#cfe2f6",
            "border": "#a9b6c6",
            "block-cursor-background": "#cfe2f6",
            "block-cursor-foreground": "#10151c",
            "footer-key-foreground": "#0a58a6",
            "footer-background": "#e6ecf3",
            "footer-description-foreground": "#3b4758",
        },
    ),
    Theme(
        name="high-contrast",
        primary="#8fd0ff",
        secondary="#ffffff",
        accent="#ffe066",
        warning="#ffe066",
        error="#ffb000",
        success="#8fd0ff",
        foreground="#ffffff",
        background="#000000",
        surface="#000000",
        panel="#0c0c0c",
        dark=True,
        variables={
            **_CONTRAST,
            "cursor": "#003d75",
            "border": "#ffffff",
            "block-cursor-background": "#003d75",
            "block-cursor-foreground": "#ffffff",
            "footer-key-foreground": "#ffe066",
            "footer-background": "#000000",
            "footer-description-foreground": "#ffffff",
        },
    ),
)
DEFAULT = "hardentui-dark"
OF_16_COLORS = "high-contrast"
"""The default of a terminal that has no more: its colours stay apart from their background there."""
