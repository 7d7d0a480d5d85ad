"""Step 7: notice what happens while it runs."""
