"""Step 6: who can reach whom."""
