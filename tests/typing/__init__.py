"""Programs that type checkers read as a user's."""
