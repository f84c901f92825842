"""The entry: builds the shell and runs the chosen page."""

from ui import shell

shell.build().run()
