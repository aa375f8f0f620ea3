"""Scaleway's quotas as a client sees them: what they allow, and who goes next.

Nothing in here sends, waits or reads a clock of its own; `langchain_scaleway.client.pacing`
does.
"""
