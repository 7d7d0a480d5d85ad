"""The use cases: list, check, plan, write. The only thing that the command line and the TUI call."""
