"""Reading files of the host, live or from a recording."""
