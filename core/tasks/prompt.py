"""What a teacher is told: instructions, the schema, worked examples, then the input."""

from pydantic import BaseModel, ConfigDict, Field

from core.spelling import serialise
from core.tasks.task import Example, Task


class Shot(BaseModel):
    """One worked example of the prompt."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    input: str
    answer: str


class Prompt(BaseModel):
    """A teacher's prompt as data: it is edited on the page and frozen into the run."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    instructions: str = Field(min_length=1)
    with_schema: bool = False
    shots: tuple[Shot, ...] = ()

    def messages(self, task: Task, text: str) -> list[dict[str, str]]:
        """The chat that ends with `text`; the answer is what comes next."""
        system = self.instructions
        if self.with_schema:
            schema = serialise(task.output.model_json_schema())
            system += f"\nAnswer with JSON that matches this JSON Schema:\n{schema}"
        chat = [{"role": "system", "content": system}]
        for shot in self.shots:
            chat += [{"role": "user", "content": shot.input}, {"role": "assistant", "content": shot.answer}]
        return [*chat, {"role": "user", "content": text}]


def default_prompt(task: Task, shots: int = 0, with_schema: bool = False) -> Prompt:
    """The task's own instructions with its first `shots` worked examples."""
    return Prompt(
        instructions=task.instructions,
        with_schema=with_schema,
        shots=tuple(as_shot(example) for example in task.shots[:shots]),
    )


def as_shot(example: Example) -> Shot:
    return Shot(input=example.input, answer=example.answer)
