"""systemd's own syntax: unit files, words, specifiers, escaping, where units are looked for. Pure."""
