"""Pure functions between LangChain's objects and the bodies of Scaleway's chat API."""
