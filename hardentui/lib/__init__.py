"""Inner libraries: useful without HardenTUI, so they import nothing else of it. See README.md here."""
