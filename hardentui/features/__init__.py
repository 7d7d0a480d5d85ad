"""What users do, a room each: its task, told once, and its page."""
