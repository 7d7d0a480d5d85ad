"""Step 3: whose images may run, and who has to have signed them."""
