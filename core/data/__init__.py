"""Where text comes from: files of the project, files of the user. Knows no model and no schema."""
