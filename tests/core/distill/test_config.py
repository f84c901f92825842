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
    config = RunConfig().with_values(["student.depth=6", "stages.0.epochs=3", "data=null", "student.layers=[0, 5]"])
    assert (config.student.depth, config.stages[0].epochs, config.student.layers) == (6, 3, (0, 5))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("student: {kind: scratch, width: 100, heads: 7}", "not a multiple of heads 7"),
        ("task: cooking", "task: Input should be 'pos' or 'cars'"),
        ("stages: [{method: magic}]", r"stages\.0\.method"),
        ("stages: []", "stages:"),
        ("batchsize: 3", "batchsize: Extra inputs"),
        ("batch_size: 0", "batch_size: Input should be greater"),
        ("stages: [{temperature: 0}]", r"stages\.0\.temperature"),
        ("name: ../../etc", "name:"),
        ("student: {kind: adapter}", "by 'gold' or 'pseudo_labels'"),
        ("a: [", "not YAML"),
        ("- 1", "mapping"),
        ("!!python/object/apply:os.system ['true']", "not YAML"),
    ],
)
def test_contradictions_are_refused_by_name(text, message):
    with pytest.raises(ConfigError, match=message):
        run_config.read_yaml(text)


@pytest.mark.parametrize("value", ["depth", "student.nothing=1", "stages.9.epochs=1", "task.x=1"])
def test_bad_values_from_the_command_line(value):
    with pytest.raises(ConfigError):
        RunConfig().with_values([value])


def test_stages_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        Stage().epochs = 2
