"""The endpoints that the emulator serves, a module each."""
