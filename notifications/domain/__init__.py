"""What to tell, when to try again, where it may go: pure calculation."""
