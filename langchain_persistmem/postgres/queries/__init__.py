"""One typed function for each named statement of the `.sql` file beside it."""
