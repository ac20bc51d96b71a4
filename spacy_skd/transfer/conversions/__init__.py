"""From the teacher's distribution to the student's target: the table, and what is behind it."""
