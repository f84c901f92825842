"""Publishing an adapter: the weights, a card with measured figures, and nothing of this machine."""

import json

import pytest
import torch
from safetensors.torch import save_file

from core.distill import config as run_config
from core.distill.config import RunConfig, Stage
from core.errors import ModelError, RunError
from core.evaluate.report import ModelReport, Report, ReportExample, Score
from core.export import adapter
from core.models import teachers
from core.models.student_config import StudentConfig
from core.models.weights import ADAPTER_CONFIG, ADAPTER_WEIGHTS
from core.runs import folder as run_folders


@pytest.fixture
def run(tmp_path):
    """A finished adapter run, as `execute` leaves it."""
    config = RunConfig(
        name="skill", teacher="smollm2", data="somewhere", student=StudentConfig(kind="existing", prompted=True),
        stages=(Stage(method="gold"),), seed=7,
    )  # fmt: skip
    folder = run_folders.create(config, tmp_path / "runs")
    folder.student.mkdir()
    save_file({"a": torch.ones(2, 3)}, folder.student / ADAPTER_WEIGHTS)
    (folder.student / ADAPTER_CONFIG).write_text(json.dumps({"base_model_name_or_path": str(tmp_path), "r": 8}))
    folder.write_report(
        Report(
            task="pos", data="somewhere", machine="a machine", seconds=1.0, leaks=2,
            examples=(ReportExample(input="Go !", gold="{}"),),
            models=(
                ModelReport(
                    name="student", role="trained", parameters=1, megabytes=1.0, ms_per_example=1.0, model_calls=1,
                    scores={"accuracy": Score(hits=94, total=100)}, outputs=("{}",),
                ),
            ),
        )
    )  # fmt: skip
    return folder


def test_weights_and_card_are_published(run, tmp_path):
    folder = adapter.publish(run, "skill", "our sentences", "CC0", home=tmp_path / "adapters")
    assert (folder / ADAPTER_WEIGHTS).read_bytes() == (run.student / ADAPTER_WEIGHTS).read_bytes()
    card = teachers.AdapterCard(**json.loads((folder / "card.json").read_text()))
    assert card.task == "pos" and card.data == "our sentences" and card.licence == "CC0"
    assert "accuracy 0.9400 (94 of 100" in card.accuracy and "2 of them" in card.accuracy
    assert "data=FOLDER" in card.command and "seed 7" in card.command


def test_no_path_of_this_machine_leaves(run, tmp_path):
    folder = adapter.publish(run, "skill", "our sentences", "CC0", home=tmp_path / "adapters")
    assert all(str(tmp_path) not in p.read_text() for p in folder.glob("*.json"))
    assert json.loads((folder / ADAPTER_CONFIG).read_text()) == {"base_model_name_or_path": "smollm2", "r": 8}


def test_how_to_train_it_again_lies_where_the_card_says(run, tmp_path):
    home = tmp_path / "adapters"
    adapter.publish(run, "skill", "our sentences", "CC0", home)
    assert run_config.read(home / "skill.yaml") == run.config()
    by_hand = "# by hand\n" + run_config.to_yaml(run.config().model_copy(update={"name": "hand", "data": None}))
    (home / "other.yaml").write_text(by_hand)
    adapter.publish(run, "other", "our sentences", "CC0", home)
    assert (home / "other.yaml").read_text() == by_hand
    assert sorted(p.name for p in home.iterdir()) == ["other", "other.yaml", "skill", "skill.yaml"]


def test_the_recipe_of_another_run_is_not_published_with_this_one(run, tmp_path):
    """It stays where somebody deletes an adapter's folder by hand."""
    recipe = tmp_path / "skill.yaml"
    recipe.write_text(run_config.to_yaml(run.config().model_copy(update={"seed": 8})))
    with pytest.raises(RunError, match=r"skill.yaml is the recipe of another run: delete it first"):
        adapter.publish(run, "skill", "our sentences", "CC0", tmp_path)
    assert not (tmp_path / "skill").exists()


@pytest.mark.parametrize("name", ["../../escaped", "", ".", "a b", "a/b", "pos\n", "x" * 42])
def test_a_name_that_is_no_folder_s_is_refused(run, tmp_path, name):
    home = tmp_path / "home" / "adapters"
    with pytest.raises(RunError, match="an adapter cannot be named"):
        adapter.publish(run, name, "data", "CC0", home)
    assert not home.parent.exists() and not (tmp_path / "escaped").exists()


def test_an_adapter_that_is_there_stays_as_it_is(run, tmp_path):
    folder = adapter.publish(run, "skill", "our sentences", "CC0", tmp_path)
    before = {p: p.read_bytes() for p in folder.iterdir()}
    with pytest.raises(RunError, match="there is an adapter 'skill' already: take another name"):
        adapter.publish(run, "skill", "other sentences", "CC0", tmp_path)
    assert {p: p.read_bytes() for p in folder.iterdir()} == before


def test_nothing_is_published_of_what_breaks_off(run, tmp_path):
    (run.student / ADAPTER_CONFIG).write_text("{")
    with pytest.raises(ModelError, match="is damaged"):
        adapter.publish(run, "skill", "data", "CC0", tmp_path / "adapters")
    assert not list((tmp_path / "adapters").iterdir())


def test_an_unfinished_run_is_refused(run, tmp_path):
    (run.path / "report.json").unlink()
    with pytest.raises(RunError, match="not finished"):
        adapter.publish(run, "skill", "data", "CC0", home=tmp_path)


@pytest.mark.parametrize(
    "student",
    [
        StudentConfig(kind="cut"),
        StudentConfig(kind="existing", tuning="full", prompted=True),
        StudentConfig(kind="existing"),  # it would be given a prompt that it never saw
        StudentConfig(kind="existing", prompted=True, model="some/other"),
    ],
)
def test_a_student_that_is_no_adapter_of_the_bundled_model_is_refused(run, tmp_path, monkeypatch, student):
    other = run.config().model_copy(update={"student": student})
    monkeypatch.setattr(run, "config", lambda: other)
    with pytest.raises(RunError, match="only an adapter"):
        adapter.publish(run, "skill", "data", "CC0", home=tmp_path)


def test_an_adapter_beside_quantised_weights_is_refused(run, tmp_path, monkeypatch):
    student = run.config().student.model_copy(update={"precision": "nf4"})
    other = run.config().model_copy(update={"student": student})
    monkeypatch.setattr(run, "config", lambda: other)
    with pytest.raises(RunError, match="trained beside weights in nf4"):
        adapter.publish(run, "skill", "data", "CC0", home=tmp_path)


@pytest.mark.parametrize("name", teachers.adapter_names())
def test_shipped_cards_say_where_the_skill_came_from(name):
    card = teachers.card(name)
    assert card.licence and card.data and "held-out" in card.accuracy
    settings = json.loads((adapter.ADAPTERS / name.split("+")[1] / ADAPTER_CONFIG).read_text())
    assert settings["base_model_name_or_path"] == "smollm2"
