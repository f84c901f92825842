"""A run's pseudo-labels: which inputs its teacher answers, and what came of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.constrain.constraints import Constraints
from core.data.sample import largest, spread
from core.distill import labels
from core.distill.config import RunConfig
from core.distill.labels import Label, LabelFile, LabelHeader
from core.distill.teacher import fingerprint
from core.errors import ModelError
from core.evaluate.report import LabelReport, ModelReport, scores
from core.models.api import Answer, ApiTeacher
from core.models.language_model import LanguageModel
from core.runs.folder import RunFolder
from core.tasks import Dataset, Example, Task

Teacher = LanguageModel | ApiTeacher


@dataclass(frozen=True)
class Labels:
    """`train`: those that stages learn as labels; `test`: an API teacher's answers to the report's examples, in their
    order; `answers`: what stands for gold, by input, where the data has none and the schema does not refuse it."""

    train: tuple[Label, ...]
    test: tuple[Label, ...]
    report: LabelReport
    answers: dict[str, str]

    @property
    def examples(self) -> list[Example]:
        """The labels that stages learn, as the data would have them."""
        return [Example(label.input, label.answer) for label in self.train]


@dataclass(frozen=True)
class Labeller:
    """Has a run's teacher answer what its folder does not hold yet. `note` is told how far it is, many times a second
    where the teacher is an API, and ends the work by what it raises; `say` writes to the log."""

    folder: RunFolder
    say: Callable[[str], None]
    note: Callable[[str], None]
    should_stop: Callable[[], bool]

    def __call__(
        self, config: RunConfig, task: Task, data: Dataset, teacher: Teacher, reader: LanguageModel
    ) -> Labels | None:
        """None where no stage learns labels and the data has all its gold answers. `reader` is any model: answers are
        judged over its tokens. Raises ModelError where nothing can be learned, or the API does not answer."""
        if not config.labelled and not data.without_gold:
            return None
        labelled = _labelled(config, data)
        known = set(labelled)
        train = [*labelled, *(e for e in data.train if not e.answer and e not in known)]
        scored = isinstance(teacher, ApiTeacher) and config.labels.score_teacher and config.labelled
        test = data.test if scored else ()
        inputs = list(dict.fromkeys(e.input for e in (*train, *test, *data.without_gold)))
        if standing := sum(not e.answer for e in (*data.dev, *data.test)):
            self.say(f"held-out inputs without gold, for which the teacher's answers will stand: {standing}")
        file = self._answered(config, task, teacher, reader, inputs)
        answers = [file[e.input] for e in train]
        report = _report(config, task, train, answers, [file[text] for text in inputs])
        self._tell(report, answers, len(labelled))
        return Labels(
            train=tuple(label for label in answers[: len(labelled)] if not label.reason),
            test=tuple(file[e.input] for e in test),
            report=report,
            answers={e.input: file[e.input].answer for e in data.without_gold if not file[e.input].reason},
        )

    def _answered(
        self, config: RunConfig, task: Task, teacher: Teacher, reader: LanguageModel, wanted: list[str]
    ) -> LabelFile:
        how, prompt = config.labels, config.teacher_prompt()
        lossy = any(stage.labels == "logprobs" for stage in config.labelled)
        name = teacher.name if isinstance(teacher, ApiTeacher) else f"{teacher.name} {fingerprint(teacher)}"
        header = LabelHeader.of(name, task, prompt, how, config.conditioned, lossy)
        file = LabelFile(self.folder.labels, header)
        constraints = Constraints(task, reader.tokens, config.conditioned)
        missing = [text for text in wanted if text not in file]
        had, held = len(wanted) - len(missing), len(file)
        self.say(f"labelling {len(missing)} inputs" + (f", {had} were answered before" if had else ""))

        def tick() -> None:
            self.note(f"labelling {had + len(file) - held} of {len(wanted)}")

        def heard(text: str, answer: Answer) -> None:
            file.put(labels.judged(task, constraints, text, answer, how.max_tokens))
            tick()

        if isinstance(teacher, ApiTeacher):
            labels.ask_api(teacher, task, prompt, how, lossy, missing, heard, tick, self.say)
        else:
            labels.ask_model(teacher, task, prompt, config.conditioned, how, missing, heard, self.should_stop)
        tick()
        return file

    def _tell(self, report: LabelReport, answers: list[Label], labels: int) -> None:
        """The outcome in the log. Raises ModelError if none can be learned of the first so many, which stages learn as
        labels; what is left of the data without the others is `examples.answered`'s to say."""
        cost = "" if report.cost is None else f", cost {report.cost:.4f}"
        self.say(f"{report.asked} answers, {report.tokens_in:,} tokens read and {report.tokens_out:,} written{cost}")
        refused = [label for label in answers if label.reason]
        if not refused:
            return
        first = refused[0]
        example = f"the first, to {first.input[:60]!r}, is {first.text[:200]!r}: {first.reason}"
        if labels and all(label.reason for label in answers[:labels]):
            raise ModelError(
                f"the schema refuses all {labels} answers of the teacher; {example} Give it worked examples and the "
                "schema in its prompt, or take another teacher."
            )
        self.say(f"the schema refuses {len(refused)} of {len(answers)} answers, which are left out; {example}")


def _labelled(config: RunConfig, data: Dataset) -> Sequence[Example]:
    """The examples that stages learn by the teacher's answers."""
    return spread(data.train, largest(stage.examples for stage in config.labelled))


def _report(
    config: RunConfig, task: Task, train: Sequence[Example], answers: list[Label], asked: list[Label]
) -> LabelReport:
    """`answers` are those to `train`, refused ones too; `asked` is all that was paid for. Scores are of those that
    have gold."""
    learned = [(e, label.answer) for e, label in zip(train, answers, strict=True) if not label.reason]
    graded = [(e, answer) for e, answer in learned if e.answer]
    tokens_in, tokens_out = sum(label.tokens_in for label in asked), sum(label.tokens_out for label in asked)
    return LabelReport(
        asked=len(asked),
        learned=len(learned),
        refused=len(train) - len(learned),
        scores=scores(task, [e for e, _ in graded], [answer for _, answer in graded]),
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        cost=config.labels.cost(tokens_in, tokens_out),
    )


def scored(task: Task, teacher: ApiTeacher, data: Dataset, answers: tuple[Label, ...]) -> ModelReport:
    """An API teacher's row of the report: its size is not known, its time is that of one request."""
    by_input = {label.input: label for label in answers}
    answers = tuple(by_input[example.input] for example in data.test)
    outputs = tuple(label.answer or label.text for label in answers)
    return ModelReport(
        name=teacher.name,
        role="teacher",
        parameters=0,
        megabytes=0.0,
        ms_per_example=1000 * sum(label.seconds for label in answers) / max(len(answers), 1),
        model_calls=len(answers),
        scores=scores(task, data.test, outputs),
        outputs=outputs,
    )
