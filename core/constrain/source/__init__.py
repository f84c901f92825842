"""Pydantic classes given as text, read and never run. `read.py` is the way in."""
