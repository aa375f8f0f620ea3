"""A real local engine for demonstrations and tests: llama.cpp's server with a toy model."""
