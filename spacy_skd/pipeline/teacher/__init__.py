"""`skd_teacher`: who answers the students, and from where."""
