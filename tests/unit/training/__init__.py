"""Training: labs, answers, progress, results."""
