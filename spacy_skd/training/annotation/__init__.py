"""What a teacher's pipeline makes of raw text: stored beliefs, vectors."""
