"""Small programs of the repository's own; `make` runs them."""
