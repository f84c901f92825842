"""Teachers and students: where they come from, what they weigh, how they read text."""
