"""How fast ChatScaleway is, beside bare httpx and beside other integrations.

`python -m benchmarks --help` says how to run it; docs/performance.md says how to read it.
"""
