"""What can go wrong, as types. Every message says what was wrong and what to do about it.

The interface shows these messages as they are; anything else that is raised is a bug.
"""


class StillroomError(Exception):
    """Base of every error a user can cause or mend."""


class DataError(StillroomError):
    """A dataset is missing, empty or malformed."""


class MisfitError(DataError):
    """Examples do not fit the schema or the student's context; a run that has `drop_misfits` leaves them out."""


class SchemaError(StillroomError):
    """A schema does not parse, asks for what cannot be honoured, or is not matched by an answer.

    `line` and `column`, from 1, say where in a text that was typed; 0 if that is not known.
    """

    def __init__(self, message: str, line: int = 0, column: int = 0) -> None:
        super().__init__(message)
        self.line, self.column = line, column


class ModelError(StillroomError):
    """A model or tokenizer cannot be loaded or used as asked."""


class ConfigError(StillroomError):
    """A run's configuration contradicts itself, its data or its checkpoint."""


class RunError(StillroomError):
    """A run or its folder is not in a state that allows what was asked."""
