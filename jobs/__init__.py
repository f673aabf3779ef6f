"""Jobs of this project, and the preparation of the example's data."""
