"""Knowledge of words and dates in several languages; pure."""
