"""From the turns of a conversation to memories: extraction, consolidation, edits, the profile."""
