"""Small complete programs to start from."""
