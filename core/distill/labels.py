"""Pseudo-labels: a teacher writes the answers, the student learns them as it learns gold (S2).

They are kept as they come, a line of JSON each, below a header that says what they were made from: what was
answered before a kill is not asked for again. An answer that its schema refuses is kept with the reason, and not
learned.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from zlib import crc32

from core.constrain import schema
from core.constrain.constraints import Constraints
from core.constrain.engines.constraint import check_answer
from core.distill.cache import differing, digest
from core.distill.config import LabelConfig
from core.errors import ConfigError, SchemaError
from core.generate.decode import Sampling, generate
from core.models import api, prompting
from core.models.api import Answer, ApiTeacher, Asking, SaidToken
from core.models.language_model import LanguageModel
from core.spelling import serialise
from core.tasks.prompt import Prompt
from core.tasks.task import Task

BATCH = 12
_FENCED = re.compile(r"\s*```\w*\n(.*?)```\s*", re.DOTALL)  # how chat models like to wrap JSON


@dataclass(frozen=True)
class LabelHeader:
    """Everything that labels depend on; texts are given as their hash. `lossy`: they come with log-probabilities of
    the likeliest tokens only."""

    teacher: str
    prompt: str
    schema: str
    temperature: float
    max_tokens: int
    lossy: bool = False
    version: int = 1

    @classmethod
    def of(
        cls, teacher: str, task: Task, prompt: Prompt, how: LabelConfig, conditioned: bool, lossy: bool
    ) -> "LabelHeader":
        """`teacher` names one model and no other."""
        output = json.dumps([task.output.model_json_schema(), conditioned])
        said = digest([prompt.model_dump_json().encode()])
        return cls(teacher, said, digest([output.encode()]), how.temperature, how.max_tokens, lossy)


@dataclass(frozen=True)
class Label:
    """What a teacher answered to `input`: the text as it came, and `answer` in the spelling of the data, empty where
    it is refused for a `reason`."""

    input: str
    text: str
    answer: str
    reason: str
    tokens_in: int
    tokens_out: int
    seconds: float
    said: tuple[SaidToken, ...] = ()


class LabelFile:
    """Labels by their input. Raises ConfigError for a file made with another header."""

    def __init__(self, path: Path, header: LabelHeader) -> None:
        self.path = path
        self._labels: dict[str, Label] = {}
        content = path.read_bytes() if path.exists() else b""
        if b"\n" in content:
            self._read(content, header)
        else:
            path.write_text(json.dumps(asdict(header)) + "\n", encoding="utf-8")

    def __contains__(self, text: str) -> bool:
        return text in self._labels

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, text: str) -> Label:
        return self._labels[text]

    def put(self, label: Label) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(_to_line(label) + "\n")
        self._labels[label.input] = label

    def _read(self, content: bytes, header: LabelHeader) -> None:
        """What a kill cut short is taken out of the file, so that the next line begins on its own."""
        whole = content[: content.rfind(b"\n") + 1]
        try:
            first, *lines = whole.decode().splitlines()
            found = dict(json.loads(first))
            labels = [_from_line(line) for line in lines]
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError(f"the labels in {self.path.name!r} are damaged: delete the file.") from error
        if other := differing(found, header):
            raise ConfigError(
                f"the labels in {self.path.name!r} were made with another {other}: restore it, or delete the file to "
                "ask again."
            )
        self._labels = {label.input: label for label in labels}
        if whole != content:
            self.path.write_bytes(whole)


def _to_line(label: Label) -> str:
    """Bytes as the characters of the same numbers: most tokens stay readable."""
    said = [[t.spelled.decode("latin-1"), [[b.decode("latin-1"), p] for b, p in t.log_probs]] for t in label.said]
    # splitlines() reads more ends of a line than \n: they are escaped.
    return json.dumps({**asdict(label), "said": said})


def _from_line(line: str) -> Label:
    found = dict(json.loads(line))
    said = tuple(
        SaidToken(spelled.encode("latin-1"), tuple((b.encode("latin-1"), p) for b, p in log_probs))
        for spelled, log_probs in found.pop("said")
    )
    return Label(**found, said=said)


def respelled(task: Task, text: str) -> str:
    """A chat model's answer out of its fence, in the one spelling of the data if it is a valid one."""
    inner = fenced[1] if (fenced := _FENCED.fullmatch(text)) else text
    parsed = task.parse(inner)
    return serialise(parsed) if parsed is not None else inner.strip()


def judged(task: Task, constraints: Constraints, text: str, answer: Answer, max_tokens: int) -> Label:
    """The label that an answer to `text` makes: in the one spelling, or refused with the reason."""
    spelled, reason = respelled(task, answer.text), ""
    try:
        check_answer(constraints.of(text), spelled)
    except SchemaError as error:
        cut = "" if answer.complete else f"the answer was cut, after {max_tokens} tokens at the latest: "
        reason = f"{cut}{error}"
    return Label(
        text,
        answer.text,
        "" if reason else spelled,
        reason,
        answer.tokens_in,
        answer.tokens_out,
        answer.seconds,
        answer.said,
    )


def ask_model(
    lm: LanguageModel,
    task: Task,
    prompt: Prompt,
    conditioned: bool,
    how: LabelConfig,
    inputs: Iterable[str],
    heard: Callable[[str, Answer], None],
    should_stop: Callable[[], bool],
) -> None:
    """Answers by constrained generation; similar lengths are decoded together."""
    constraints = Constraints(task, lm.tokens, conditioned)
    order = sorted(inputs, key=len)
    for start in range(0, len(order), BATCH):
        group = order[start : start + BATCH]
        prompts = [prompting.render(lm, task, prompt, text) for text in group]
        sampling = Sampling(how.temperature, seed=crc32(group[0].encode()), max_new_tokens=how.max_tokens)
        batch = generate(lm, prompts, [constraints.of(text) for text in group], sampling, should_stop=should_stop)
        if should_stop():
            return
        for text, ids, found in zip(group, prompts, batch.generations, strict=True):
            seconds = batch.seconds / len(group)
            heard(text, Answer(found.text, found.complete, len(ids), len(found.ids), seconds))


def ask_api(
    teacher: ApiTeacher,
    task: Task,
    prompt: Prompt,
    how: LabelConfig,
    log_probs: bool,
    inputs: Sequence[str],
    heard: Callable[[str, Answer], None],
    tick: Callable[[], None],
    say: Callable[[str], None],
) -> None:
    """Answers under the task's JSON Schema where the server takes one, else as they come."""
    asking = Asking(
        schema.from_pydantic(task.output).json_schema or {}, how.temperature, how.max_tokens, how.concurrency, log_probs
    )
    conversations = [prompt.messages(task, text) for text in inputs]
    api.ask(teacher, conversations, asking, lambda number, answer: heard(inputs[number], answer), tick, say)
