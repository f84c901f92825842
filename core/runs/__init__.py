"""Runs: one training job and its folder. Started on a page or from a shell, they look the same."""
