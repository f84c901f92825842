"""Which constraint an input of a task is answered under."""

from core.constrain import schema, template
from core.constrain.engines.choice import choose
from core.constrain.engines.constraint import Constraint
from core.constrain.engines.dfa import DfaConstraint
from core.constrain.tokens import TokenTable
from core.tasks.task import Task


class Constraints:
    """The constraint of an input: its own (input-conditioned) or the task's general one."""

    def __init__(self, task: Task, tokens: TokenTable, conditioned: bool) -> None:
        self.task, self.tokens, self.conditioned = task, tokens, conditioned
        self._general: Constraint | None = None

    def of(self, text: str) -> Constraint:
        if self.conditioned:
            return DfaConstraint(template.automaton(self.task.template(text), self.task.name), self.tokens)
        if self._general is None:
            self._general = choose(schema.from_pydantic(self.task.output), self.tokens).constraint
        return self._general
