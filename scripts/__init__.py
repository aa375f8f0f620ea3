"""Programs for whoever maintains this package; none of them is shipped."""
