"""Step 2: keep images and engine up to date, and know their vulnerabilities."""
