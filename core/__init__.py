"""The engine: everything Stillroom does, without a screen. Never imports streamlit."""
