"""Keeps requests within Scaleway's quotas, alone or together with other processes.

- `store`: what a store of quotas has to do, in three atomic operations.
- `memory`: the store of one process. `redis`: one for all processes and machines.
- `dispatcher`: a queue in which requests wait for their permits, first come, first served.
- `gate`: what the HTTP client asks before each attempt.
"""
