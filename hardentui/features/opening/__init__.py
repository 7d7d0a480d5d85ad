"""Finding the engines of a host, its saved facts or the simulated one."""
