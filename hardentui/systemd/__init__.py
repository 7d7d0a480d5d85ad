"""systemd's syntax: unit files, words, specifiers, escaping, search paths. Pure."""
