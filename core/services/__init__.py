"""PostgreSQL and Valkey in a box: started for whoever needs them, stopped when nobody does.

Owns the data folder, its secrets and the two servers in it.
Promises that no server outlives its last user, however that user died, and that no other local user can reach the data.
Must never start anything for a service whose address was given (`DATABASE_URL`, `REDIS_URL`), nor import Django outside
the database backend: settings are read before any server runs.

How it works: each server is the child of a small keeper process. A user holds a shared file lock on the server's
`users` file; the kernel drops it when the user ends, even by SIGKILL. The keeper waits for an exclusive lock on that
file, and once it has it, nobody uses the server: it stops the server and ends.
"""
