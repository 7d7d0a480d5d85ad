"""Many hosts at once: their facts gathered in a folder, judged on all processors, compared."""
