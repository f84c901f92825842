import pytest

from core.distill import config as run_config
from core.distill.config import RunConfig, Stage
from core.distill.presets import PRESETS
from core.errors import ConfigError


@pytest.mark.parametrize("name", PRESETS)
def test_yaml_round_trip(name, tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(run_config.to_yaml(PRESETS[name]), encoding="utf-8")
    assert run_config.read(path) == PRESETS[name]


def test_values_from_the_command_line():
    config = RunConfig().with_values(["student.frozen=1", "stages.0.epochs=3", "data=null", "student.layers=[0, 5]"])
    assert (config.student.frozen, config.stages[0].epochs, config.student.layers) == (1, 3, (0, 5))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("student: {kind: scratch, width: 100, heads: 7}", "not a multiple of heads 7"),
        ("task: cooking", "task: Input should be 'pos' or 'cars'"),
        ("stages: [{method: magic}]", r"stages\.0\.method"),
        ("stages: []", "stages: write one at least"),
        ("stages: gold", "stages: write a list"),
        ("student: cut", r"student: write its fields, as \{name: value\}"),
        ("stages: [{epochs: 0}]", r"valid: stages\.0\.epochs: Input should be greater than or equal to 1\.$"),
        ("name: 1", "name: write a text, in quotes"),
        ("student: {layers: [0, x]}", r"valid: student\.layers\.1: write a whole number in place of 'x'\.$"),
        ("student: {layers: 3}", r"student\.layers: write a list"),
        ("student: {layers: [0, -1]}", r"layers \[-1\] are counted from 0"),
        ("student: {layers: [0, 1], frozen: 2}", "frozen 2 leaves none of the 2 layers to learn: lower it"),
        ("batchsize: 3", "batchsize: there is no such field"),
        ("{batch_size: 2, accumulate: 3}", "a batch of 2 has no 3 parts: lower `accumulate`"),
        ("schedule: steep", "schedule: Input should be 'linear', 'cosine' or 'constant'"),
        ("patience: 0", "patience: Input should be greater"),
        ("batch_size: 0", "batch_size: Input should be greater"),
        ("stages: [{temperature: 0}]", r"stages\.0\.temperature"),
        ("name: ../../etc", "name: write letters, digits"),
        ("student: {kind: existing, prompted: true}", "the student is its own teacher"),
        ("student: {kind: existing, tuning: full, precision: nf4}", "weights in nf4 cannot be trained"),
        ("student: {kind: existing, tuning: full, precision: int8}", "weights in int8 cannot be trained"),
        ("student: {tuning: adalora}", "tuning 'adalora' is for the kind 'existing', this one is 'cut'"),
        ("student: {precision: int8}", "precision 'int8' is for the kind 'existing'"),
        ("student: {prompted: true}", "prompted true is for the kind 'existing'"),
        ("{student: {kind: existing, tuning: adalora}, max_seconds: 60}", "a time budget nor patience gives"),
        ("{student: {kind: existing, tuning: adalora}, patience: 3}", "leave `max_seconds` and `patience` out"),
        ("student: {kind: existing, precision: nf4}", r"adapter of smollm2\+pos cannot be merged into nf4"),
        ("seed: 100000000000000000000", "seed: Input should be less than or equal to 2147483647"),
        ("stages: [{gold_weight: 1.0}]", r"stages\.0\.gold_weight: Input should be less than 1"),
        ("stages: [{}, {method: gold, temperature: 5}]", r"stages\.1: temperature 5\.0 is for the method 'task'"),
        ("stages: [{method: gold, loss: reverse_kl}]", "loss 'reverse_kl' is for .*, this one is 'gold' and 'text'"),
        ("stages: [{method: pseudo_labels, gold_weight: 0.5}]", "gold_weight 0.5 is for .* or leave gold_weight out"),
        ("stages: [{method: gold, constraint: soft}]", "'gold' learns none: take the constraint 'hard' or 'none'"),
        ("stages: [{method: pseudo_labels, constraint: soft}]", "'pseudo_labels' learns none"),
        ("stages: [{gold_weight: 0.5, on_policy: 1}]", "lower on_policy, or leave gold_weight out"),
        ("stages: [{method: gold, labels: logprobs}]", "labels 'logprobs' is for the method 'pseudo_labels'"),
        ("{signals: {form: sampled}, stages: [{}, {loss: reverse_kl}]}", "take `stages.1.loss: forward_kl`"),
        ("{signals: {form: sampled}, stages: [{loss: reverse_kl}]}", "take .* or `signals.form: top`"),
        ("{signals: {form: exact}, stages: [{method: logits}]}", "hold the whole vocabulary"),
        ("{signals: {form: exact}, stages: [{constraint: soft}]}", "hold the whole vocabulary"),
        ("a: [", "not YAML: line 1: expected the node content"),
        ("name: 2020-13-45", "not YAML: month must be in 1..12"),
        ("seed: !!int x", "not YAML: invalid literal"),
        ("compile: !!bool x", "not YAML"),
        ("name: !!timestamp x", "not YAML"),
        ("seed: " + "9" * 5000, "not YAML"),
        ("[" * 20_000, "not YAML"),
        ('data: "\\ud800"', "half a surrogate pair"),
        ("- 1", "mapping"),
        ("!!python/object/apply:os.system ['true']", "not YAML"),
    ],
)
def test_contradictions_are_refused_by_name(text, message):
    with pytest.raises(ConfigError, match=message):
        run_config.read_yaml(text)


API = "teacher: 'https://host/v1#model'"
LABELS = "stages: [{method: pseudo_labels}]"
OTHER = "student: {model: org/model}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{API}\n{OTHER}", "answers in text: take `stages.0.method: pseudo_labels`"),
        (f"{API}\n{LABELS}", "name a model in `student.model`"),
        (f"{API}\n{LABELS}\nstudent: {{kind: scratch}}", "name a model in `student.model`"),
        (
            f"teacher: 'https://host/v1'\n{LABELS}\n{OTHER}",
            r"names no host or no model: write https://host/v1#model\.$",
        ),
        (f"teacher: 'http://host/v1#m'\n{LABELS}\n{OTHER}", "in the clear"),
        (f"{LABELS}\nstudent: {{kind: existing, prompted: true}}", "is its own teacher"),
        ("labels: {price_in: 1}", "has no price"),
        ("stages: [{method: pseudo_labels, labels: logprobs}]", "tells everything: take `stages.0.method: task`"),
        (
            f"{API}\n{OTHER}\nstages: [{{method: pseudo_labels, labels: logprobs, constraint: soft}}]",
            "take `stages.0.constraint: hard`",
        ),
        (
            f"{API}\n{OTHER}\nstages: [{{method: pseudo_labels, labels: logprobs, temperature: 2}}]",
            "temperature 2.0 is",
        ),
    ],
)
def test_what_a_teacher_cannot_give_is_refused_by_name(text, message):
    with pytest.raises(ConfigError, match=message):
        run_config.read_yaml(text)


@pytest.mark.parametrize(
    ("student", "stage", "learns"),
    [
        ("prompted: true", "method: task", False),
        ("prompted: true", "method: task, constraint: none, on_policy: 1", False),
        ("prompted: true", "method: task, constraint: soft", True),
        ("prompted: true", "method: task, gold_weight: 0.3", True),
        ("prompted: false", "method: task", True),
        ("prompted: false", "method: logits, constraint: none", False),
        ("prompted: false", "method: logits, constraint: soft", True),
        ("prompted: true", "method: pseudo_labels", False),
        ("prompted: true", "method: pseudo_labels, constraint: none", True),
        ("prompted: true, precision: nf4, model: smollm2", "method: task", True),
    ],
)
def test_a_student_that_is_its_own_teacher_learns_gold_the_mask_or_nothing(student, stage, learns):
    text = f"{{teacher: smollm2, student: {{kind: existing, {student}}}, stages: [{{{stage}}}]}}"
    if learns:
        run_config.read_yaml(text)
    else:
        with pytest.raises(ConfigError, match="is its own teacher"):
            run_config.read_yaml(text)


def test_what_labels_cost():
    config = run_config.read_yaml(f"{API}\n{LABELS}\n{OTHER}\nlabels: {{price_in: 0.5, price_out: 2}}")
    assert config.labels.cost(1_000_000, 500_000) == 1.5
    assert run_config.read_yaml(run_config.to_yaml(config)) == config
    assert RunConfig().labels.cost(9, 9) is None


def test_what_a_method_leaves_out_is_left_out():
    """Neither the owner's own choice nor a default is refused."""
    for stage in PRESETS["Quick"].stages:
        assert Stage(**stage.model_dump()) == stage
    assert Stage(method="pseudo_labels", labels="logprobs", loss="reverse_kl", gold_weight=0.5).learns_distributions


@pytest.mark.parametrize("value", ["depth", "student.nothing=1", "stages.9.epochs=1", "task.x=1", "name=2020-13-45"])
def test_bad_values_from_the_command_line(value):
    with pytest.raises(ConfigError):
        RunConfig().with_values([value])


def test_stages_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        Stage().epochs = 2
