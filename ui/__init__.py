"""Building blocks of the pages. Never imports torch, transformers, peft or outlines: see `engine.py`."""
