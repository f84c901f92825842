"""From material to a trainer: token sequences and their masks, what the teacher says of them, its labels."""

import torch

from core.constrain.constraints import Constraints
from core.constrain.masks import MaskStore
from core.distill import processes
from core.distill.label_signals import LabelSignals, said_of
from core.distill.on_policy import OnPolicy
from core.distill.sequences import TokenSequence, tokenise
from core.distill.teacher import LiveTeacher, SignalSource
from core.distill.train import Labelled, Trainer
from core.errors import ModelError, SchemaError
from core.models import prompting, students
from core.models.api import LIKELIEST, ApiTeacher
from core.runs.folder import RunFolder
from core.runs.material import Material


def prepare(material: Material, folder: RunFolder) -> tuple[Trainer, list[TokenSequence]]:
    """The trainer, and the held-out examples as token sequences."""
    config, data, student = material.config, material.data, material.student
    store = MaskStore(student.tokens)
    reader = material.reader(student)
    constraints = material.constraints(student)
    learns_data = any(stage.method != "pseudo_labels" for stage in config.stages)
    sequences = tokenise(student, constraints, data.train if learns_data else (), store, reader)
    answers = tokenise(student, constraints, material.labels.examples if material.labels else (), store, reader)
    labelled = _labelled(material, answers, folder)
    held_out = tokenise(student, constraints, material.held_out, store, reader)
    free = sum(row >= 0 for s in (*sequences, *answers) for row in s.rows)
    tokens = sum(len(s.answer) for s in (*sequences, *answers))
    folder.log(f"{tokens:,} answer tokens, {free:,} of them free; {len(store):,} different masks")
    source = _source(material, sequences, store, folder)
    on_policy = _on_policy(material, constraints, source)
    return Trainer(config, student, sequences, store, source, labelled, on_policy), held_out


def _on_policy(material: Material, constraints: Constraints, source: SignalSource | None) -> OnPolicy | None:
    """The student's own samples, or None where no stage asks for them."""
    sampling = [stage for stage in material.config.stages if stage.on_policy]
    if not sampling or source is None:
        return None
    room = [min(source.room(stage, i) for stage in sampling) for i in range(len(material.data.train))]
    inputs = [example.input for example in material.data.train]
    return OnPolicy(material.student, constraints, inputs, room, material.config.seed)


def _labelled(material: Material, sequences: list[TokenSequence], folder: RunFolder) -> Labelled | None:
    """What the stages learn of the teacher's answers, or None where they learn nothing of them. Raises ModelError if
    no log-probabilities are about the student's own tokens."""
    labels = material.labels
    lossy = [stage for stage in material.config.labelled if stage.labels == "logprobs"]
    if not labels or not lossy:
        return Labelled(sequences) if labels else None
    hard = all(stage.constraint == "hard" for stage in lossy)
    kept, said, reasons = [], [], []
    for label, sequence in zip(labels.train, sequences, strict=True):
        try:
            said.append(said_of(label, sequence, material.student.tokens, hard))
            kept.append(sequence)
        except SchemaError as error:
            reasons.append(f"to {label.input[:60]!r}: {error}")
    if not kept:
        raise ModelError(
            f"the log-probabilities of the API are of no use to this student; the first, {reasons[0]} "
            "Learn the labels' text, or take a student with the teacher's tokenizer."
        )
    folder.log(f"{len(kept)} answers with the log-probabilities of the {LIKELIEST} likeliest tokens: lossy")
    if reasons:
        folder.log(f"{len(reasons)} answers are left out for their tokens; the first, {reasons[0]}")
    return Labelled(kept, LabelSignals(said))


def _source(
    material: Material, sequences: list[TokenSequence], store: MaskStore, folder: RunFolder
) -> SignalSource | None:
    """The teacher's signals, or None where no stage asks for them."""
    config, teacher = material.config, material.teacher
    if isinstance(teacher, ApiTeacher) or not any(stage.needs_scores for stage in config.stages):
        return None
    old_ids = torch.tensor(students.old_ids(material.student, teacher))
    prompt = config.teacher_prompt()
    prompts = [prompting.render(teacher, material.task, prompt, e.input) for e in material.data.train]
    live = LiveTeacher(teacher, old_ids)
    process = processes.number()
    return SignalSource(live, prompts, sequences, store, config.signals, config.seed, folder.signals, process)
