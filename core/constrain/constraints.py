"""Which constraint an input of a task is answered under."""

from core.constrain import automaton, schema
from core.constrain.engines import DfaConstraint
from core.constrain.tokens import TokenTable
from core.tasks.task import Task


class Constraints:
    """The constraint of an input: its own (input-conditioned) or the task's general one."""

    def __init__(self, task: Task, tokens: TokenTable, conditioned: bool) -> None:
        self.task, self.tokens, self.conditioned = task, tokens, conditioned
        self._general: DfaConstraint | None = None

    def of(self, text: str) -> DfaConstraint:
        if self.conditioned:
            return DfaConstraint(automaton.from_template(self.task.template(text), self.task.name), self.tokens)
        if self._general is None:
            self._general = DfaConstraint(automaton.from_schema(schema.from_pydantic(self.task.output)), self.tokens)
        return self._general
