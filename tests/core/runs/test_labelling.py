"""Whole runs that learn a teacher's answers: from a local model, from servers, stopped and resumed."""

import json
from dataclasses import replace

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from core.distill.config import LabelConfig, RunConfig, SignalConfig, Stage
from core.errors import DataError
from core.models import checkpoint
from core.models.language_model import LanguageModel
from core.models.student_config import StudentConfig
from core.paths import write_whole
from core.runs import folder
from core.runs.execute import execute
from core.runs.preview import preview
from core.tasks import CARS
from core.tasks.prompt import Prompt, default_prompt

KEY = "sk-secret-of-the-tests"
STAGE = Stage(method="pseudo_labels", examples=8)
ADVERTS = [e for e in CARS.load(None).train if len(e.input) < 90][:20]


@pytest.fixture(scope="module")
def cars(tmp_path_factory):
    """Twenty short adverts: 16 to train on, 2 and 2."""
    path = tmp_path_factory.mktemp("cars") / "cars.jsonl"
    path.write_text("".join(json.dumps({"text": e.input, **json.loads(e.answer)}) + "\n" for e in ADVERTS))
    return str(path)


@pytest.fixture(scope="module")
def other_folder(tmp_path_factory):
    """A tiny random model whose tokenizer is not the teacher's."""
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=500, special_tokens=["<end>"], initial_alphabet=alphabet, show_progress=False
    )
    backend.train_from_iterator((text for e in ADVERTS for text in (e.input, e.answer)), trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<end>")
    torch.manual_seed(2)
    shape = LlamaConfig(
        vocab_size=500, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=1024, tie_word_embeddings=True, bos_token_id=0, eos_token_id=0,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("other")
    checkpoint.save(LanguageModel.of("other", LlamaForCausalLM(shape), tokenizer), path)
    return path


@pytest.fixture
def config(teacher_folder, other_folder, cars):
    return RunConfig(
        name="t",
        task="cars",
        data=cars,
        teacher=str(teacher_folder),
        student=StudentConfig(model=str(other_folder), layers=(0, 1), vocabulary=500, context=512),
        stages=(STAGE,),
        validation_examples=1,
        report_examples=2,
    )


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setattr("core.models.api.RETRIES", 0)
    monkeypatch.setenv("STILLROOM_API_KEY", KEY)


def run(run_folder, should_stop=lambda: False):
    with run_folder.lock():
        return execute(run_folder, should_stop)


def lines(run_folder):
    return run_folder.labels.read_text().splitlines()[1:] if run_folder.labels.exists() else []


def gold_for(request):
    return next(e.answer for e in ADVERTS if e.input == request["messages"][-1]["content"])


def test_a_student_with_another_tokenizer_learns_a_local_teachers_answers(config, tmp_path):
    made = folder.create(config, tmp_path)
    status = run(made)
    assert (status.state, status.error) == ("finished", None)
    assert len(lines(made)) == 8
    report = made.report()
    assert (report.labels.asked, report.labels.learned, report.labels.refused) == (8, 8, 0)
    assert report.labels.scores["valid"].value == 1 and report.labels.scores["make"].total == 8
    assert report.labels.tokens_in > report.labels.tokens_out > 0 and report.labels.cost is None
    assert [m.role for m in report.models] == ["trained", "untrained", "teacher"]
    answers = [json.loads(line)["answer"] for line in lines(made)]
    assert all(CARS.parse(answer) is not None for answer in answers)
    assert "labelling 8 inputs" in made.log_tail(99) and "8 answers," in made.log_tail(99)


def test_stopped_while_labelling_and_resumed_asks_only_for_the_rest(config, tmp_path, monkeypatch):
    monkeypatch.setattr("core.distill.labels.BATCH", 3)
    whole, parts = folder.create(config, tmp_path), folder.create(config, tmp_path)
    run(whole)
    phases = set()

    def stop():
        phases.add(parts.status().phase)
        return len(lines(parts)) >= 3

    assert run(parts, stop).state == "stopped"
    had = lines(parts)
    assert 3 <= len(had) < 8 and any(phase.startswith("labelling ") for phase in phases)
    with parts.labels.open("a") as file:
        file.write('{"input": "cut sho')  # by a kill
    assert run(parts).state == "finished"
    assert lines(parts)[: len(had)] == had and len(lines(parts)) == 8
    assert f"{len(had)} were answered before" in (parts.path / "log.txt").read_text()
    assert parts.report().labels.scores == whole.report().labels.scores
    changed = config.model_copy(update={"prompt": Prompt(instructions="Another one.")})
    write_whole(parts.path / "config.yaml", folder.run_config.to_yaml(changed))
    status = run(parts)
    assert status.state == "failed" and "labels.jsonl' were made with another prompt" in status.error


@pytest.mark.parametrize("method", ["task", "logits"])
def test_other_tokenizers_are_refused_before_weights_are_loaded(config, tmp_path, method, other_folder):
    bare = tmp_path / "bare"
    bare.mkdir()
    for file in other_folder.iterdir():
        if file.suffix == ".json":
            (bare / file.name).write_bytes(file.read_bytes())
    changes = {"stages": (Stage(method=method),), "student": config.student.model_copy(update={"model": str(bare)})}
    made = folder.create(config.model_copy(update=changes), tmp_path)
    status = run(made)
    assert status.state == "failed" and status.traceback is None
    assert "is unknown to the teacher. Take the method 'pseudo_labels'" in status.error
    assert "loading" not in made.log_tail(99)


def test_an_api_teacher_from_labels_to_report(config, tmp_path, serve, chat_completion):
    """Refused answers are counted, shown and left out; tokens cost money; the key is nowhere in the folder."""
    asked = []

    def reply(request, headers):
        asked.append(request["messages"][-1]["content"])
        assert headers["Authorization"] == f"Bearer {KEY}"
        return 200, chat_completion("I cannot say." if len(asked) % 4 == 2 else gold_for(request))

    labels = LabelConfig(price_in=2.0, price_out=10.0, concurrency=1)
    made = folder.create(config.model_copy(update={"teacher": serve(reply), "labels": labels}), tmp_path)
    status = run(made)
    assert (status.state, status.error) == ("finished", None)
    found = made.report().labels
    assert (found.asked, found.learned, found.refused) == (10, 6, 2)
    assert (found.tokens_in, found.tokens_out) == (300, 100)
    assert found.cost == pytest.approx(300 * 2e-6 + 100 * 10e-6)
    assert found.scores["field_accuracy"].value == 1 and found.scores["field_accuracy"].total == 24
    log = (made.path / "log.txt").read_text()
    assert "refuses 2 of 8 answers, which are left out; the first" in log and "'I cannot say.'" in log
    assert "cost 0.0016" in log
    row = made.report().model("teacher")
    assert row.model_calls == 2 and row.ms_per_example > 0 and row.scores["valid"].total == 2
    assert len({r["tokens"] for r in made.metrics() if "loss" in r}) and made.status().total == 2
    everything = [p.read_bytes() for p in made.path.rglob("*") if p.is_file()]
    assert not any(KEY.encode() in content for content in everything)
    before = len(asked)
    (made.path / "report.json").unlink()
    assert run(made).state == "finished" and len(asked) == before  # all is on disk


def test_an_api_that_fails_midway_keeps_what_it_answered(config, tmp_path, serve, chat_completion):
    asked = []

    def reply(request, _):
        asked.append(1)
        if len(asked) == 5:
            return 500, {"error": {"message": "oops"}}
        return 200, chat_completion(gold_for(request))

    labels = LabelConfig(concurrency=1, score_teacher=False)
    made = folder.create(config.model_copy(update={"teacher": serve(reply), "labels": labels}), tmp_path)
    status = run(made)
    assert status.state == "failed" and "status 500" in status.error and len(lines(made)) == 4
    assert run(made).state == "finished" and len(asked) == 9
    assert made.report().model("teacher") is None


def test_nobody_is_asked_what_does_not_fit_and_an_answer_too_long_to_learn_is_left_out(
    config, tmp_path, serve, chat_completion
):
    """One advert is too long for the student, and so is one answer to another: its schema, which knows of no input,
    allows a model's name of any length."""
    lengthy = replace(ADVERTS[0], input=ADVERTS[0].input + " very" * 600)
    path, asked = tmp_path / "cars.jsonl", []
    lines = ({"text": e.input, **json.loads(e.answer)} for e in (lengthy, *ADVERTS))
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))

    def reply(request, _):
        asked.append(request["messages"][-1]["content"])
        answer = json.loads(gold_for(request))
        return 200, chat_completion(json.dumps(answer | ({"model": "very " * 600} if len(asked) == 3 else {})))

    labels = LabelConfig(concurrency=1, score_teacher=False)
    changes = {"teacher": serve(reply), "data": str(path), "labels": labels, "conditioned": False}
    made = folder.create(config.model_copy(update=changes), tmp_path)
    status = run(made)
    assert (status.state, status.failure) == ("failed", "MisfitError") and not asked
    assert "1 example (1 of train) is longer" in status.error
    made = folder.create(config.model_copy(update=changes | {"drop_misfits": True}), tmp_path)
    status = run(made)
    assert (status.state, status.error) == ("finished", None)
    report = made.report()
    assert len(asked) == 7 and lengthy.input not in asked
    assert (report.labels.asked, report.labels.learned, report.left_out) == (7, 6, 2)
    assert "1 of train, 1 of labels" in (made.path / "log.txt").read_text()


def test_a_teacher_whose_answers_are_all_refused_ends_the_run(config, tmp_path, serve, chat_completion):
    address = serve(lambda *_: (200, chat_completion("No.", finish="length")))
    made = folder.create(config.model_copy(update={"teacher": address}), tmp_path)
    status = run(made)
    assert status.state == "failed" and status.traceback is None
    assert "refuses all 8 answers" in status.error and "cut, after 512 tokens" in status.error


def test_a_preview_asks_nobody(config, serve):
    address = serve(lambda *_: pytest.fail("asked"))
    found = preview(config.model_copy(update={"teacher": address}))
    assert found.teacher_prompt.startswith("system: ") and found.teacher_prompt.endswith(ADVERTS[0].input)


@pytest.fixture
def asks_llama(config, llama_server, monkeypatch):
    """A real server's answers: two short adverts, with worked examples in the prompt."""
    monkeypatch.setenv("STILLROOM_API_KEY", "sk-of-the-tests")
    return config.model_copy(
        update={
            "teacher": llama_server,
            "prompt": default_prompt(CARS, 2),
            "conditioned": False,
            "stages": (Stage(method="pseudo_labels", examples=2),),
            "batch_size": 2,
            "labels": LabelConfig(max_tokens=60, score_teacher=False, concurrency=2),
        }
    )


def test_a_real_server(asks_llama, tmp_path):
    made = folder.create(asks_llama, tmp_path)
    status = run(made)
    assert (status.state, status.error) == ("finished", None)
    assert made.report().labels.learned >= 1 and made.report().labels.scores["valid"].value == 1


def test_a_real_servers_log_probabilities(asks_llama, tmp_path, bundled_teacher):
    """They are about the same tokenizer, here the bundled model's: the student learns them with their rest."""
    stage = Stage(method="pseudo_labels", labels="logprobs", examples=2)
    student = StudentConfig(model="smollm2", layers=(0,), vocabulary=300, context=512)
    made = folder.create(asks_llama.model_copy(update={"stages": (stage,), "student": student}), tmp_path)
    status = run(made)
    assert (status.state, status.error) == ("finished", None)
    assert json.loads(made.labels.read_text().splitlines()[0])["lossy"] is True
    assert "with the log-probabilities of the 20 likeliest tokens: lossy" in (made.path / "log.txt").read_text()
    losses = [r["loss"] for r in made.metrics() if "loss" in r]
    assert losses and all(loss > 0 for loss in losses)


def test_log_probabilities_about_other_tokens_are_refused(asks_llama, tmp_path):
    stage = Stage(method="pseudo_labels", labels="logprobs", examples=2)
    status = run(folder.create(asks_llama.model_copy(update={"stages": (stage,)}), tmp_path))
    assert status.state == "failed" and "of no use to this student" in status.error
    assert "Learn the labels' text" in status.error


def test_on_policy_in_a_run(config, tmp_path, teacher_folder):
    """Stopped and resumed it is as if it never stopped."""
    changes = {
        "student": config.student.model_copy(update={"model": None, "layers": (0, 2)}),
        "stages": (Stage(method="task", on_policy=0.5, examples=8, epochs=2),),
        "signals": SignalConfig(form="top"),
        "batch_size": 2,
        "checkpoint_every": 2,
    }
    whole, parts = (folder.create(config.model_copy(update=changes), tmp_path) for _ in range(2))
    assert run(whole).state == "finished"
    steps = lambda made: [r["loss"] for r in made.metrics() if "loss" in r]
    assert run(parts, lambda: len(steps(parts)) >= 3).state == "stopped"
    assert run(parts).state == "finished"
    assert steps(parts) == pytest.approx(steps(whole), rel=1e-4) and len(steps(whole)) == 8


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """The same adverts without gold."""
    path = tmp_path_factory.mktemp("inputs") / "adverts.txt"
    path.write_text("\n".join(e.input for e in ADVERTS))
    return str(path)


def without_gold(config, inputs, **changes):
    small = StudentConfig(layers=(0, 1), vocabulary=500, context=512)
    return config.model_copy(update={"data": inputs, "student": small, **changes})


@pytest.mark.parametrize(
    "stages",
    [
        (Stage(method="task"), Stage(method="pseudo_labels", examples=8)),
        (Stage(method="logits", examples=8, on_policy=0.5),),
    ],
    ids=["task", "logits"],
)
def test_inputs_without_gold_are_answered_by_the_teacher(config, inputs, tmp_path, stages):
    """Its answers are learned, scored on hers, and the report says so; stopped and resumed it asks no more."""
    form = "exact" if stages[0].method == "task" else "top"
    wanted = without_gold(config, inputs, stages=stages, signals=SignalConfig(form=form))
    found = preview(wanted)
    asked = 8 if stages[0].method == "logits" else 16
    assert found.ungraded == {"train": asked, "dev": 1, "test": 2}
    made = folder.create(wanted, tmp_path)
    assert run(made, lambda: made.status().step >= 2).state == "stopped"
    status = run(made)
    assert (status.state, status.error) == ("finished", None)
    report = made.report()
    assert report.gold_by == "teacher" and len(lines(made)) == asked + 3
    assert (report.labels.asked, report.labels.learned, report.labels.scores) == (asked + 3, asked, {})
    answers = {row["input"]: row["answer"] for row in map(json.loads, lines(made))}
    assert all(e.gold == answers[e.input] for e in report.examples)
    assert report.model("teacher").scores["exact_match"].value == 1  # agreement with itself
    assert report.model("trained").scores["valid"].value == 1 and report.model("trained").likelihood is not None


def test_held_out_gold_is_what_scores_where_there_is_any(config, tmp_path):
    path = tmp_path / "mixed.jsonl"
    gold = [{"text": e.input, **json.loads(e.answer)} for e in ADVERTS]
    rows = [{"text": e.input} for e in ADVERTS[:19]] + gold[19:]
    path.write_text("\n".join(map(json.dumps, rows)))
    made = folder.create(without_gold(config, str(path)), tmp_path)
    assert run(made).state == "finished"
    report = made.report()
    assert report.gold_by == "data" and [e.gold for e in report.examples] == [ADVERTS[19].answer]
    assert len(lines(made)) == 8 + 1  # to train and to dev


@pytest.mark.parametrize("stage", [Stage(method="gold"), Stage(method="task", gold_weight=0.5)])
def test_a_stage_that_learns_gold_is_refused_without_it(config, inputs, stage):
    with pytest.raises(DataError, match=r"stage 2: .* 16 of 16 training examples of 'adverts.txt' do not have"):
        preview(without_gold(config, inputs, stages=(STAGE, stage)))


def test_an_api_answers_what_has_no_gold_and_what_is_refused_is_left_out(
    config, inputs, tmp_path, serve, chat_completion
):
    refused = {ADVERTS[3].input, ADVERTS[18].input}

    def reply(request, _):
        text = request["messages"][-1]["content"]
        return 200, chat_completion("I cannot say." if text in refused else gold_for(request))

    changes = {"data": inputs, "teacher": serve(reply), "stages": (Stage(method="pseudo_labels"),)}
    made = folder.create(config.model_copy(update=changes), tmp_path)
    status = run(made)
    assert (status.state, status.error) == ("finished", None)
    report = made.report()
    assert (report.labels.learned, report.labels.refused, report.gold_by) == (15, 1, "teacher")
    assert [e.input for e in report.examples] == [ADVERTS[19].input]


def test_a_teacher_that_is_not_to_be_scored_still_answers_what_the_student_is_scored_by(
    config, inputs, cars, tmp_path, serve, chat_completion
):
    """Held-out inputs without gold, and only these; the report has no row of its own for it."""
    asked = []

    def reply(request, _):
        asked.append(request["messages"][-1]["content"])
        return 200, chat_completion(gold_for(request))

    changes = {"teacher": serve(reply), "labels": LabelConfig(score_teacher=False)}
    with_gold, without = (
        folder.create(config.model_copy(update={**changes, "data": data}), tmp_path) for data in (cars, inputs)
    )
    assert run(with_gold).state == "finished" and len(asked) == 8
    assert "without gold" not in with_gold.log_tail(99)
    asked.clear()
    assert run(without).state == "finished"
    assert len(
        asked
    ) == 8 + 3 and "held-out inputs without gold, for which the teacher's answers will stand: 3" in without.log_tail(99)
    report = without.report()
    assert report.gold_by == "teacher" and [m.role for m in report.models] == ["trained", "untrained"]


def test_nothing_to_score_on_ends_the_run(config, inputs, tmp_path, serve, chat_completion):
    test = {e.input for e in ADVERTS[18:]}

    def reply(request, _):
        text = request["messages"][-1]["content"]
        return 200, chat_completion("No." if text in test else gold_for(request))

    made = folder.create(config.model_copy(update={"data": inputs, "teacher": serve(reply)}), tmp_path)
    status = run(made)
    assert status.state == "failed" and "no gold answers in test" in status.error and status.traceback is None


def test_an_example_without_gold_whose_answer_is_refused_is_left_out(config, tmp_path):
    """The others have theirs: the run goes on, and ends only where nothing of a split is left."""
    rows = [{"text": e.input, **json.loads(e.answer)} for e in ADVERTS]
    path = tmp_path / "mixed.jsonl"
    changes = {"stages": (Stage(method="task"),), "labels": LabelConfig(max_tokens=1)}
    for bare, state in ((rows[:1], "finished"), (rows[:16], "failed")):
        path.write_text("\n".join(json.dumps({"text": r["text"]} if r in bare else r) for r in rows))
        made = folder.create(without_gold(config, str(path), **changes), tmp_path)
        status = run(made)
        assert status.state == state, status.error
        assert f"refuses {len(bare)} of {len(bare)} answers, which are left out" in made.log_tail(99)
    assert "no gold answers in train" in status.error and status.traceback is None
