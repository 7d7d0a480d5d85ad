"""Known applications: where their entries stand, how they are read, and who they are shown to."""
