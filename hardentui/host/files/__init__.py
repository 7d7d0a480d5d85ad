"""How files of the host are read, really or from a recording."""
