"""What the joined pages read: a constant number of statements for each page."""
