"""The teacher's transformer."""
