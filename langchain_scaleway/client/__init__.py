"""HTTP to Scaleway: one request path, server-sent events, retries, connections.

Nothing in here knows what a LangChain message is, and only this package imports httpx.
"""
