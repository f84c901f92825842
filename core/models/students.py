"""Students: cut from a model, made from scratch, or a model as it is, to be tuned."""

from collections.abc import Iterable, Sequence
from typing import Any

from core.errors import ModelError
from core.models import cut, existing, randomness, scratch, vocabulary
from core.models.device import device
from core.models.language_model import READS_INPUT_ALONE, LanguageModel
from core.models.student_config import StudentConfig


def build(
    config: StudentConfig, base: LanguageModel, used: Iterable[int], seed: int, sample: Sequence[Sequence[int]] = ()
) -> LanguageModel:
    """An untrained student, made from `base`. `used` are the ids of `base` that data and schema need; `sample` are a
    few of its inputs in the same ids, of which those that are not kept are passed over: a cut in width needs them.

    An existing model is not copied: `base` itself is tuned. Raises ConfigError for what `base` does not have.
    """
    with randomness.seeded(seed):
        student = _built(config, base, used, sample)
    if not config.is_adapter:  # else the model is its base's too, which may teach it with a prompt
        setattr(student.model.config, READS_INPUT_ALONE, not config.prompted)
    return student


def _built(
    config: StudentConfig, base: LanguageModel, used: Iterable[int], sample: Sequence[Sequence[int]]
) -> LanguageModel:
    if config.kind == "existing":
        return LanguageModel("student", existing.build(config, base), base.tokenizer, base.tokens)
    tokenizer, old_ids = vocabulary.trim(base.tokenizer, used, config.vocabulary)
    table = base.model.get_input_embeddings().weight[old_ids].detach().float().cpu()
    eos = tokenizer.eos_token_id
    bos = old_ids.index(base.beginning[0]) if base.beginning else eos  # it begins as its base does
    if config.kind == "cut":
        new_ids = {old: new for new, old in enumerate(old_ids)}
        kept = [[new_ids[i] for i in ids if i in new_ids] for ids in sample]
        model = cut.build(config, base.model, table, bos, eos, kept)
    else:
        model = scratch.build(config, table, bos, eos)
    return LanguageModel.of("student", model.to(device()), tokenizer)


def old_ids(student: LanguageModel, teacher: LanguageModel) -> list[int]:
    """The teacher's id of each of the student's tokens, by their names; but the end of text is the teacher's own, also
    where that has another name. Raises ModelError if a token is unknown to the teacher."""
    names = student.tokenizer.convert_ids_to_tokens(list(range(len(student.tokens))))
    check_known(names, teacher.tokenizer)
    vocabulary = teacher.tokenizer.get_vocab()
    found = [vocabulary[name] for name in names]
    if teacher.eos in found:
        found[found.index(teacher.eos)] = found[student.eos]
    found[student.eos] = teacher.eos
    return found


def check_known(names: Iterable[str], tokenizer: Any) -> None:
    """Raises ModelError if one of a student's tokens is unknown to its teacher's tokenizer: then the teacher cannot
    score what the student reads."""
    vocabulary = tokenizer.get_vocab()
    if unknown := next((name for name in names if name not in vocabulary), None):
        raise ModelError(
            f"teacher and student have different tokenizers: the student's token {unknown!r} is unknown to the "
            "teacher. Take the method 'pseudo_labels', or a student made from the teacher."
        )


def checkpoint_activations(student: LanguageModel) -> None:
    """Lets training keep only the layers' inputs and compute the rest again: less memory, a third more time."""
    student.model.activation_checkpointing_enable({"use_reentrant": False})
