"""Units of systemd: where they come from, who can change them, what systemd says of them."""
