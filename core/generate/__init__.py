"""Decoding: one loop for teachers and students, free or under a constraint."""
