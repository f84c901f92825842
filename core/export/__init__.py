"""What leaves: a student as a bundle, an adapter as a teacher, a comparison as a file."""
