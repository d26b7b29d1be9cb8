"""The workshop: each behaviour once, one file per verb; the pure decisions beside the flows that use them."""
