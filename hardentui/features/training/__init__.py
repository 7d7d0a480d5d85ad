"""Training: labs for the ten steps, the containers they run in, their attacks, and the learner's
progress."""
