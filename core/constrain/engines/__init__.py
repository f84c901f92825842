"""The engines: one small interface (`constraint.py`), four implementations, and the choice between them."""
