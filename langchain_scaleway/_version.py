"""The package's version: a constant, since reading package metadata would touch the disk."""

__version__ = "0.1.0"
