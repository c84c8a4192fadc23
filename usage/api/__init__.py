"""The REST API of usage: events in, one or thousands at once, and what they come to."""
