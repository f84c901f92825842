"""Fields that mean nothing under the choices made: known from their descriptions, and refused by name."""

import pytest

from core.distill import config as run_config
from core.distill.config import SignalConfig, Stage
from core.errors import ConfigError
from core.models.relevance import is_relevant
from core.models.student_config import StudentConfig


def test_relevance_follows_the_descriptions():
    assert is_relevant(StudentConfig, "kind", {"kind": "cut"})
    assert is_relevant(StudentConfig, "lora_rank", {"kind": "existing", "tuning": "adalora"})
    assert not is_relevant(StudentConfig, "lora_rank", {"kind": "existing", "tuning": "full"})
    assert not is_relevant(StudentConfig, "lora_rank", {"kind": "cut", "tuning": "lora"})
    assert not is_relevant(StudentConfig, "vocabulary", {"kind": "existing"})
    assert is_relevant(Stage, "method", {"method": "gold"})
    assert not is_relevant(Stage, "penalty", {"constraint": "hard"})
    assert is_relevant(Stage, "penalty", {"constraint": "soft"})
    assert is_relevant(Stage, "labels", {"method": "pseudo_labels"})
    assert not is_relevant(Stage, "on_policy", {"method": "pseudo_labels"})


def test_choices_of_two_fields_count_each():
    assert is_relevant(Stage, "loss", {"method": "task", "labels": "text"})
    assert is_relevant(Stage, "loss", {"method": "pseudo_labels", "labels": "logprobs"})
    assert not is_relevant(Stage, "loss", {"method": "pseudo_labels", "labels": "text"})
    assert not is_relevant(Stage, "loss", {"method": "gold", "labels": "logprobs"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("student: {width: 96}", "student: width 96 is for the kind 'scratch', this one is 'cut': change the kind, or"),
        ("student: {kind: scratch, frozen: 1}", "frozen 1 is for the kind 'cut', this one is 'scratch'"),
        ("student: {kind: existing, vocabulary: 500}", "vocabulary 500 is for the kind 'cut' or 'scratch', this one"),
        ("student: {lora_rank: 4}", "lora_rank 4 is for the kind 'existing', this one is 'cut'"),
        ("student: {kind: existing, tuning: full, lora_rank: 4}", "for the tuning 'lora' or 'adalora', this .* 'full'"),
        ("student: {target_modules: [q_proj]}", r'target_modules \["q_proj"\] is for the kind .* or leave target_mod'),
        ("stages: [{}, {penalty: 3}]", r"stages\.1: penalty 3\.0 is for the constraint 'soft', this one is 'hard'"),
        ("stages: [{beta: 0.3}]", "beta 0.3 is for the loss 'jensen_shannon', this one is 'forward_kl'"),
        ("stages: [{method: gold, on_policy: 0.5}]", "on_policy 0.5 is for the method 'task' or 'logits', this"),
        (
            "stages: [{method: pseudo_labels, loss: reverse_kl}]",
            "for the method 'task' or 'logits' or the labels 'logprobs', this one is 'pseudo_labels' and 'text': "
            "change the method or the labels, or leave loss out",
        ),
        ("signals: {draws: 3}", "signals: draws 3 is for the form 'sampled', this one is 'top'"),
    ],
)
def test_what_does_not_apply_is_refused_by_name(text, message):
    with pytest.raises(ConfigError, match=message):
        run_config.read_yaml(text)


@pytest.mark.parametrize("made", [StudentConfig(kind="scratch", width=96), Stage(method="gold"), SignalConfig()])
def test_defaults_that_are_written_out_are_not_refused(made):
    assert type(made)(**made.model_dump()) == made
