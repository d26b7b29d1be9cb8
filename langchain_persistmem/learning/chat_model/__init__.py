"""The chat model's part in learning: what it is asked, and what of its answer is believed, on which evidence."""
