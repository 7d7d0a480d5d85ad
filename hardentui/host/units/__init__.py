"""systemd units: where they come from, who can change them, and their state."""
