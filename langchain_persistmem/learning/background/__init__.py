"""Learning in the background: the queue of threads, failed work, vectors that are made later."""
