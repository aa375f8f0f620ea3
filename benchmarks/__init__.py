"""What a call costs, beside the floor of httpx and langchain-core and beside other integrations.

Run `python -m benchmarks --help`. How to read the figures: `docs/performance.md`.
"""
