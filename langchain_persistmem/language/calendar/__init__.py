"""Times that a text speaks of, and how well a memory's time fits them; pure."""
