"""Teacher and student on one base: held once, and the teacher is never moved by what the student learns."""

import pytest
import torch

from core.distill.config import RunConfig, Stage
from core.distill.positions import counted
from core.distill.teacher import fingerprint
from core.errors import MisfitError
from core.models import teachers
from core.models.student_config import StudentConfig
from core.runs import folder
from core.runs.execute import execute
from core.runs.material import gather
from core.runs.training import prepare


@pytest.fixture
def config(teacher_folder):
    return RunConfig(
        teacher=str(teacher_folder),
        student=StudentConfig(kind="existing", lora_rank=2, lora_dropout=0.3),
        stages=(Stage(method="task", examples=8, learning_rate=1e-2), Stage(method="logits", examples=8)),
        signals={"form": "live"},
        report_examples=2,
        validation_examples=2,
    )


def logits(lm, ids):
    with torch.inference_mode():
        return lm.head(lm.hidden(input_ids=torch.tensor([ids]), use_cache=False).last_hidden_state)


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("tuning", ["lora", "adalora"])
def test_an_adapter_on_its_own_teacher(config, teacher_folder, tmp_path, tuning, checkpointing):
    student = config.student.model_copy(update={"tuning": tuning, "model": str(teacher_folder)})
    stages = tuple(stage.model_copy(update={"epochs": 3}) for stage in config.stages)
    changes = {"student": student, "stages": stages, "gradient_checkpointing": checkpointing}
    config = config.model_copy(update=changes)
    material = gather(config)
    teacher, student = material.teacher, material.student
    assert material.base is teacher
    alone = teachers.load(str(teacher_folder))
    assert teacher.parameters == alone.parameters < student.parameters
    assert fingerprint(teacher) == fingerprint(alone)
    held = {id(p) for p in student.model.parameters()}
    assert all(id(p) in held for p in teacher.weights())

    ids = teacher.encode("She left early .")
    before, naive = logits(teacher, ids), logits(student, ids)
    assert torch.equal(before, logits(alone, ids))
    trainer, _ = prepare(material, folder.create(config, tmp_path))
    assert len(list(trainer)) == trainer.total == 12
    student.model.train()  # its dropout is not the teacher's
    assert torch.equal(logits(teacher, ids), before) and student.model.training
    student.model.eval()
    assert not torch.allclose(logits(student, ids), naive, atol=1e-3)
    assert fingerprint(teacher) == fingerprint(alone)
    assert all(p.requires_grad for name, p in student.model.named_parameters() if "lora_" in name)


def test_shared_and_separate_teachers_say_the_same(config, teacher_folder, tmp_path):
    material = gather(config)
    trainer, _ = prepare(material, folder.create(config, tmp_path))
    list(trainer)
    stage, group = config.stages[0], [0, 1]
    batch = [trainer.sequences[i] for i in group]
    positions = counted(batch, stage)
    tokens = torch.arange(len(material.student.tokens))
    prompts = [trainer.source.prompts[i] for i in group]
    live = trainer.source.live
    shared = live.logits(prompts, batch, positions, tokens)
    live.teacher = teachers.load(str(teacher_folder))
    assert torch.equal(live.logits(prompts, batch, positions, tokens), shared)


@pytest.mark.parametrize(
    "student",
    [
        {"kind": "existing", "tuning": "full"},
        {"kind": "existing", "precision": "int8"},
        {"kind": "cut", "layers": (0,), "vocabulary": 400},
    ],
)
def test_other_students_leave_the_teacher_whole(config, student):
    material = gather(config.model_copy(update={"student": StudentConfig(**student)}))
    held = {id(p) for p in material.student.model.parameters()}
    assert not any(id(p) in held for p in material.teacher.model.parameters())
    assert not material.teacher.without_adapter


@pytest.mark.parametrize("prompted", [True, False])
def test_who_reads_the_prompt(config, prompted):
    student = config.student.model_copy(update={"prompted": prompted})
    material = gather(config.model_copy(update={"student": student}))
    text = material.data.train[0].input
    assert len(material.reader(material.teacher)(text)) > 20 + len(material.student.encode(text))
    expected = material.reader(material.teacher)(text) if prompted else material.student.student_prompt(text)
    assert material.reader(material.student)(text) == expected


def test_examples_too_long_for_the_teachers_prompt_are_misfits(config, tmp_path):
    """The student reads them; the teacher, who is to teach one and to be scored on the other, does not."""
    place = tmp_path / "long"
    place.mkdir()
    word = "{}\tword\t_\tNOUN\t_\t_\t_\t_\t_\t_\n"
    short, long = (("".join(word.format(i) for i in range(1, n + 1)) + "\n") for n in (2, 150))
    for part in ("train", "dev", "test"):
        (place / f"{part}.conllu").write_text(short * 8 + long)
    student = StudentConfig(kind="cut", layers=(0, 1), vocabulary=400, context=8192)
    config = config.model_copy(update={"data": str(place), "student": student, "report_examples": 9})
    with pytest.raises(MisfitError) as caught:
        gather(config.model_copy(update={"stages": (Stage(method="task"),)}))
    assert "The teacher reads at most 1,024 tokens: 2 examples (1 of train, 1 of test) are longer." in str(caught.value)
    assert "The first: train example 9 ('word word" in str(caught.value)
    left = gather(config.model_copy(update={"stages": (Stage(method="gold"),), "drop_misfits": True}))
    assert (len(left.data.train), len(left.data.test), left.left_out) == (9, 8, 1)


def test_a_narrow_cut_sees_the_runs_own_inputs(config):
    student = StudentConfig(kind="cut", layers=(0, 1), cut_width=16, vocabulary=400, context=512)
    material = gather(config.model_copy(update={"student": student}))
    assert material.student.model.config.hidden_size == 16


def test_rare_tokens_are_spelled_and_the_teacher_still_speaks_of_them(config, tmp_path):
    """The teacher's signals are over the student's tokens, however the student spells a word."""
    student = StudentConfig(kind="cut", layers=(0, 1), cut_width=16, vocabulary=400, context=512)
    changes = {"student": student, "stages": (Stage(method="logits", examples=4),)}
    whole = gather(config.model_copy(update=changes)).student
    changes["student"] = student.model_copy(update={"min_count": 50})
    config = config.model_copy(update=changes)
    few = gather(config).student
    assert len(few.tokens) < len(whole.tokens)
    text = gather(config).data.train[0].input
    assert few.tokens.text(few.encode(text)) == text and len(few.encode(text)) > len(whole.encode(text))
    made = folder.create(config, tmp_path)
    with made.lock():
        assert execute(made).state == "finished", made.status().error


def test_a_student_of_an_earlier_run_teaches_a_smaller_one(config, tmp_path):
    """Distilled in two steps (Mirzadeh et al. 2020): what it does as a student it does as a teacher, unprompted."""
    cut = StudentConfig(kind="cut", layers=(0, 1), vocabulary=400, context=512)
    gold = Stage(method="gold", examples=32, learning_rate=1e-2)
    first = folder.create(config.model_copy(update={"student": cut, "stages": (gold,)}), tmp_path)
    assert execute(first).error is None
    smaller = cut.model_copy(update={"layers": (0,)})
    stages = (Stage(method="task", examples=8),)
    second = folder.create(
        config.model_copy(update={"teacher": str(first.student), "student": smaller, "stages": stages}), tmp_path
    )
    assert execute(second).error is None
    as_student, as_teacher = first.report().model("trained"), second.report().model("teacher")
    assert as_student.outputs == as_teacher.outputs and as_student.scores == as_teacher.scores


@pytest.mark.parametrize("method", ["task", "logits"])
def test_a_student_that_teaches_the_input_is_told_of(config, tmp_path, method):
    cut = StudentConfig(kind="cut", layers=(0,), vocabulary=400, context=512)
    taught = config.model_copy(update={"student": cut, "stages": (Stage(method="gold", examples=8),)})
    first = folder.create(taught, tmp_path)
    assert execute(first).error is None
    said: list[str] = []
    gather(taught.model_copy(update={"teacher": str(first.student), "stages": (Stage(method=method),)}), said.append)
    assert any("the teacher is a student" in line for line in said) == (method == "logits")
