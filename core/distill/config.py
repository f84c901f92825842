"""`RunConfig`: the one source of the form, the YAML file and the command line of a run.

Everything here is plain data and quick to import. What contradicts itself is refused by name: a message about more
than one part of the run has fields between backticks, as YAML spells them, so that the form can say their titles.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticSerializationError

from core.distill import config_text
from core.errors import ConfigError, ModelError
from core.models import api, relevance, teachers
from core.models.student_config import StudentConfig
from core.tasks import TASKS
from core.tasks.prompt import Prompt, default_prompt

NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,40}$"  # what may become the name of a folder


class Stage(BaseModel):
    """One way of learning, for some epochs. Stages follow each other."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Literal["logits", "task", "pseudo_labels", "gold"] = Field(
        "task",
        title="Method",
        description="logits: teacher and student read the same text, and its tokens are learned too; task: only the "
        "teacher reads the prompt, and the answer alone is learned; "
        "pseudo_labels: the answers that the teacher writes; gold: the data's own answers",
    )
    labels: Literal["text", "logprobs"] = Field(
        "text",
        title="Labels",
        description="pseudo_labels: what is learned of an answer; text: its tokens; "
        "logprobs: an API's likeliest tokens with the rest as one, which loses what the API does not tell",
    )
    epochs: int = Field(1, ge=1, le=1000, title="Epochs")
    examples: int | None = Field(
        None, ge=1, title="Examples", description="use only so many, spread evenly; empty: all"
    )
    learning_rate: float = Field(1e-3, gt=0, le=1, title="Learning rate")
    constraint: Literal["none", "soft", "hard"] = Field(
        "hard",
        title="Constraint in the loss",
        description="none: every answer token counts; soft: the teacher's refused tokens are lowered; "
        "hard: only allowed tokens exist, forced ones cost nothing",
    )
    penalty: float = Field(
        10.0, gt=0, le=1000, title="Penalty", description="soft: how much refused logits are lowered"
    )
    temperature: float = Field(
        1.0, gt=0, le=100, title="Temperature", description="task, logits: softens teacher and student"
    )
    loss: Literal["forward_kl", "reverse_kl", "jensen_shannon"] = Field(
        "forward_kl",
        title="Loss",
        description="task, logits, logprobs: KL of teacher to student, of student to teacher, or the mixture of both",
    )
    beta: float = Field(
        0.5, gt=0, lt=1, title="Beta", description="jensen_shannon: near 0 as forward, near 1 as reverse"
    )
    gold_weight: float = Field(
        0.0,
        ge=0,
        lt=1,
        title="Share of gold",
        description="task, logits, logprobs: how much of the loss is gold's cross entropy",
    )
    on_policy: float = Field(
        0.0,
        ge=0,
        le=1,
        title="On-policy share",
        description="task, logits: share of batches on the student's own samples with the mask, scored by the teacher; "
        "gold has no share in these",
    )

    @property
    def needs_scores(self) -> bool:
        """Whether a teacher that runs here must score answers."""
        return self.method in ("task", "logits")

    @property
    def learns_distributions(self) -> bool:
        """Whether more is learned of a token than which one it is."""
        return self.needs_scores or (self.method == "pseudo_labels" and self.labels == "logprobs")

    @model_validator(mode="after")
    def _consistent(self) -> "Stage":
        relevance.check(self)
        if self.constraint == "soft" and not self.learns_distributions:
            raise ValueError(
                f"constraint 'soft' lowers what a teacher's distribution gives to refused tokens, and {self.method!r} "
                "learns none: take the constraint 'hard' or 'none'"
            )
        if self.gold_weight and self.on_policy == 1:
            raise ValueError(
                "gold_weight has no share in batches on the student's own samples, and on_policy 1 makes all of them "
                "such: lower on_policy, or leave gold_weight out"
            )
        return self


class SignalConfig(BaseModel):
    """How the teacher's signals are kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    form: Literal["live", "top", "sampled", "exact"] = Field(
        "top",
        title="Kept as",
        description="live: the teacher runs at every step; the others are computed once and kept on disk: "
        "top: the likeliest tokens and the rest as one; sampled: tokens drawn; exact: every allowed token",
    )
    mass: float = Field(
        0.999, gt=0, le=1, title="Mass", description="top: keep tokens until they have so much probability"
    )
    most: int = Field(64, ge=1, le=4096, title="Most tokens", description="top: never more at one position")
    draws: int = Field(12, ge=1, le=1024, title="Draws", description="sampled: tokens drawn at each position")

    @model_validator(mode="after")
    def _consistent(self) -> "SignalConfig":
        relevance.check(self)
        return self


class LabelConfig(BaseModel):
    """How the teacher's answers are asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float = Field(0.0, ge=0, le=2, title="Temperature", description="0: always the likeliest token")
    max_tokens: int = Field(
        512, ge=1, le=32_768, title="Longest answer", description="in tokens; one that is cut there is left out"
    )
    concurrency: int = Field(8, ge=1, le=256, title="Requests at a time", description="to an API")
    price_in: float | None = Field(
        None, ge=0, title="Price of tokens read", description="an API's, for a million; empty: not counted"
    )
    price_out: float | None = Field(
        None, ge=0, title="Price of tokens written", description="an API's, for a million; empty: not counted"
    )
    score_teacher: bool = Field(
        True,
        title="Score an API teacher",
        description="it answers the report's test examples too, at the same price; held-out inputs without gold it "
        "answers in any case: by nothing else could the student be scored",
    )

    def cost(self, tokens_in: int, tokens_out: int) -> float | None:
        """In the currency of the prices; None without any."""
        if self.price_in is None and self.price_out is None:
            return None
        return (tokens_in * (self.price_in or 0.0) + tokens_out * (self.price_out or 0.0)) / 1e6


class RunConfig(BaseModel):
    """One run: data, teacher, student, stages and how to train."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field("run", pattern=NAME, title="Name", description="letters, digits, - and _")
    task: Literal[tuple(TASKS)] = Field("pos", title="Task")  # type: ignore[valid-type]
    data: str | None = Field(None, title="Data", description="a file or folder in the task's format; empty: bundled")
    teacher: str = Field(
        "smollm2+pos",
        min_length=1,
        title="Teacher",
        description="bundled name, folder, .gguf, hub id, or https://host/v1#model",
    )
    prompt: Prompt | None = Field(None, title="Prompt", description="what the teacher is told; empty: the task's own")
    conditioned: bool = Field(
        True,
        title="Input-conditioned schema",
        description="the schema holds this input's own words; else the general one",
    )
    drop_misfits: bool = Field(
        False,
        title="Leave misfits out",
        description="examples whose answer the schema refuses, or that are longer than the student's context; "
        "else they are counted and the run ends before it trains",
    )
    student: StudentConfig = Field(StudentConfig(), title="Student")
    stages: tuple[Stage, ...] = Field((Stage(),), min_length=1, title="Stages")
    signals: SignalConfig = Field(SignalConfig(), title="Teacher signals")
    labels: LabelConfig = Field(LabelConfig(), title="Teacher's answers")
    batch_size: int = Field(
        4, ge=1, le=1024, title="Batch size", description="examples a step, of all processes together"
    )
    batch_tokens: int | None = Field(
        None,
        ge=64,
        title="Tokens a batch",
        description="at most so many, padding included: long examples make smaller batches; empty: no limit",
    )
    accumulate: int = Field(
        1,
        ge=1,
        le=1024,
        title="Passes a step",
        description="a batch is worked through in so many parts: the same learning in less memory",
    )
    schedule: Literal["linear", "cosine", "constant"] = Field(
        "linear",
        title="Learning rate over the run",
        description="linear: falls to 0; cosine: falls to 0, slowly at both ends; constant: stays",
    )
    warmup: float = Field(
        0.05, ge=0, le=1, title="Warm-up", description="share of the run until the full learning rate"
    )
    weight_decay: float = Field(0.01, ge=0, le=1, title="Weight decay")
    clip: float = Field(1.0, gt=0, title="Gradient clipping")
    gradient_checkpointing: bool = Field(
        False,
        title="Gradient checkpointing",
        description="layers are computed again on the way back instead of kept: less memory, a third more time",
    )
    max_seconds: float | None = Field(
        None, gt=0, title="Time budget", description="training stops after so many seconds; the rate falls accordingly"
    )
    validate_every: int = Field(50, ge=1, title="Validate every", description="steps")
    validation_examples: int = Field(
        24, ge=1, title="Validation examples", description="from dev, answered with the mask"
    )
    patience: int | None = Field(
        None,
        ge=1,
        le=1000,
        title="Patience",
        description="the last stage ends after so many validations without a better one; empty: it runs to its end",
    )
    keep: Literal["last", "best"] = Field(
        "last",
        title="Weights to keep",
        description="last: the student is as it was at the end; best: as it was at its best validation, which "
        "24 examples show poorly: take some hundred then",
    )
    compile: bool = Field(
        False, title="Compile", description="torch.compile: the first steps take a minute, later ones may be faster"
    )
    checkpoint_every: int = Field(50, ge=1, title="Checkpoint every", description="steps")
    report_examples: int = Field(80, ge=1, title="Report examples", description="from test, for teacher and student")
    seed: int = Field(0, ge=0, le=2**31 - 1, title="Seed")

    @model_validator(mode="after")
    def _consistent(self) -> "RunConfig":
        student = self.student
        base, adapter = teachers.parts(self.base)
        if adapter and student.precision != "full":
            raise ValueError(
                f"the adapter of {base}+{adapter} cannot be merged into {student.precision} weights: set "
                f"`student.model` to {base!r}, or take `student.precision: full`"
            )
        if student.tuning == "adalora" and (self.max_seconds or self.patience):
            raise ValueError(
                "AdaLoRA shares its ranks out over a known number of steps, which neither a time budget nor patience "
                "gives: leave `max_seconds` and `patience` out, or take `student.tuning: lora`"
            )
        if self.accumulate > self.batch_size:
            raise ValueError(f"a batch of {self.batch_size} has no {self.accumulate} parts: lower `accumulate`")
        for number, stage in enumerate(self.stages):
            if stage.needs_scores:
                self._check_signals(number, stage)
        return self

    def _check_signals(self, number: int, stage: Stage) -> None:
        if self.signals.form == "sampled" and stage.loss != "forward_kl":
            raise ValueError(
                f"sampled signals know only what was drawn: take `stages.{number}.loss: forward_kl`, or "
                "`signals.form: top`"
            )
        if self.signals.form == "exact" and (stage.constraint != "hard" or stage.method == "logits"):
            raise ValueError(
                "exact signals hold the whole vocabulary without a hard constraint, and at the input's positions under "
                "the method 'logits': take `signals.form: top` or `signals.form: live`"
            )

    @model_validator(mode="after")
    def _answerable(self) -> "RunConfig":
        """What the teacher is asked for is something it can give."""
        is_api = api.is_address(self.teacher)
        if is_api:
            self._check_address()
        elif {self.labels.price_in, self.labels.price_out} != {None}:
            raise ValueError(
                "a teacher that runs here has no price: leave `labels.price_in` and `labels.price_out` empty"
            )
        if self._is_its_own_teacher(self.stages[0]):
            raise ValueError(
                "the student is its own teacher and reads the same, so there is nothing to learn: "
                "name another model in `student.model`, or take `stages.0.method: gold`"
            )
        for number, stage in enumerate(self.stages):
            if stage.method == "pseudo_labels" and stage.labels == "logprobs":
                self._check_logprobs(number, stage, is_api)
        return self

    def _is_its_own_teacher(self, stage: Stage) -> bool:
        """Whether the student starts as the model that teaches it, reads the same text, and is taught nothing that it
        does not say already: neither gold, nor the mask."""
        student = self.student
        if student.kind != "existing" or self.base != self.teacher or student.precision != "full":
            return False
        if stage.needs_scores:
            same_text = student.prompted or stage.method == "logits"
            return same_text and stage.constraint != "soft" and not stage.gold_weight
        return student.prompted and stage.method == "pseudo_labels" and stage.constraint == "hard"

    def _check_address(self) -> None:
        try:
            api.parse(self.teacher)
        except ModelError as error:
            raise ValueError(str(error).removesuffix(".")) from error
        for number, stage in enumerate(self.stages):
            if stage.needs_scores:
                method = f"stages.{number}.method"
                raise ValueError(
                    f"a teacher behind an API answers in text: take `{method}: pseudo_labels` or `{method}: gold`"
                )
        if not self.student.model:
            raise ValueError("no student is made from a teacher behind an API: name a model in `student.model`")

    @staticmethod
    def _check_logprobs(number: int, stage: Stage, is_api: bool) -> None:
        if not is_api:
            raise ValueError(f"a teacher that runs here tells everything: take `stages.{number}.method: task`")
        if stage.constraint == "soft":
            constraint = f"stages.{number}.constraint"
            raise ValueError(
                f"an API's log-probabilities cannot be lowered: take `{constraint}: hard` or `{constraint}: none`"
            )

    @property
    def base(self) -> str:
        """The model that the student is made from."""
        return self.student.model or self.teacher

    @property
    def labelled(self) -> tuple[Stage, ...]:
        """The stages that learn the teacher's answers."""
        return tuple(stage for stage in self.stages if stage.method == "pseudo_labels")

    def teacher_prompt(self) -> Prompt:
        return self.prompt or default_prompt(TASKS[self.task])

    def student_prompt(self) -> Prompt | None:
        """Nothing, unless the student was taught to read its teacher's."""
        return self.teacher_prompt() if self.student.prompted else None

    def with_values(self, assignments: list[str]) -> "RunConfig":
        """A copy with `path=value` settings, values in YAML: `student.depth=6`, `stages.0.epochs=3`."""
        data = self.model_dump(mode="json")
        for assignment in assignments:
            path, separator, value = assignment.partition("=")
            if not separator:
                raise ConfigError(f"{assignment!r} is not of the form path=value: write for example student.depth=6.")
            config_text.assign(data, path, config_text.plain(value, f"{assignment!r}: the value is "))
        return validate(data)


def validate(data: Any, name: Callable[[Sequence[int | str]], str] = config_text.dotted) -> RunConfig:
    """A RunConfig from plain data. Raises ConfigError that names every wrong field, as `name` calls it."""
    try:
        config = RunConfig.model_validate(data)
        config.model_dump_json()
    except ValidationError as error:
        raise ConfigError("the configuration is not valid: " + config_text.explain(error, name)) from error
    except PydanticSerializationError as error:  # YAML can spell what is no text
        raise ConfigError("the configuration holds half a surrogate pair: write the character itself.") from error
    return config


def read_yaml(text: str) -> RunConfig:
    data = config_text.plain(text)
    if not isinstance(data, dict):
        raise ConfigError("a run's YAML is a mapping such as `task: pos`.")
    return validate(data)


def read(path: Path) -> RunConfig:
    try:
        return read_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"cannot read {path}: {reason}.") from error


def to_yaml(config: RunConfig) -> str:
    """The whole configuration, as `python -m core distill` reads it."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=100)
