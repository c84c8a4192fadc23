"""A Django database backend: PostgreSQL that is started when the first connection asks for it."""
