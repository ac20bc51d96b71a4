"""Configs of students, of heads and of the layers that there are."""
