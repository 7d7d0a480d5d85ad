"""Step 4: whom the processes of a container run as."""
