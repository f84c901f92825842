"""The Teacher page's parts: shots from the data, prompts by name and in links, teachers behind an API, verdicts."""

import json
import threading
import time
from collections.abc import Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.errors import ModelError
from core.evaluate.paired import Paired
from core.models import api
from core.models.api import ApiTeacher
from core.tasks import CARS, POS, saved_prompts
from core.tasks.prompt import Prompt, as_shot, default_prompt
from tests.ui.teacher.test_teacher import page, short, tiny  # noqa: F401
from ui import asking, engine
from ui.teacher import (
    prompt_shots,
    prompt_store,
    teacher_input,
    teacher_job,
    teacher_score,
    teacher_try,
    teacher_versus,
)
from ui.teacher.prompt_shots import CHOSEN, offered

TRAIN = POS.load(None).train
ADDS = "Adds it to the worked examples"
HOSTILE = '<img src=x onerror="alert(1)"> **bold** :red[x] $y$'


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("save", "names", "read", "delete"):
        monkeypatch.setattr(saved_prompts, name, partial(getattr(saved_prompts, name), root=tmp_path))


def test_what_can_be_added_is_found_by_number_or_text() -> None:
    assert next(iter(offered(POS, TRAIN, (), ""))).startswith("by hand 1  She did")
    by_number = offered(POS, TRAIN, (), " 12 ")
    assert next(iter(by_number.values())) == as_shot(TRAIN[11])
    word = TRAIN[3].input.split()[0].upper()
    assert as_shot(TRAIN[3]) in offered(POS, TRAIN, (), word).values()
    assert len(offered(POS, TRAIN, (), "")) == prompt_shots.OFFERED
    assert as_shot(TRAIN[11]) not in offered(POS, TRAIN, (as_shot(TRAIN[11]),), "12").values()
    assert offered(POS, TRAIN, (), "no such words anywhere") == {}


def shots(app: AppTest) -> list[str]:
    return [shot.input for shot in app.session_state[CHOSEN]]


def button(app: AppTest, says: str) -> Any:
    return next(one for one in app.button if one.help == says)


def test_shots_are_added_moved_and_taken_out() -> None:
    app = page()
    first, second = shots(app)
    app.text_input(key="teacher_shot_find").set_value("7").run()
    button(app, ADDS).click().run()
    assert shots(app) == [first, second, TRAIN[6].input]
    button(app, "Example 3 one place earlier").click().run()
    assert shots(app) == [first, TRAIN[6].input, second]
    button(app, "Example 1 one place later").click().run()
    assert shots(app) == [TRAIN[6].input, first, second]
    button(app, "Take example 2 out").click().run()
    assert shots(app) == [TRAIN[6].input, second]
    assert not app.exception
    assert button(app, "Example 1 one place earlier").disabled and button(app, "Example 2 one place later").disabled


def test_the_second_click_of_two_acts_on_the_same_example() -> None:
    equal, other = as_shot(TRAIN[0]), as_shot(TRAIN[1])
    app = page(prompt=Prompt(instructions="x", shots=(equal, other, equal)).model_dump_json())
    out = button(app, "Take example 2 out")
    for _ in range(2):
        out.click().run()
        assert shots(app) == [equal.input] * 2
    app = page(prompt=Prompt(instructions="x", shots=(equal, other, equal)).model_dump_json())
    later = button(app, "Example 1 one place later")
    later.click().run()
    assert shots(app) == [other.input, equal.input, equal.input]
    button(app, "Take example 3 out").click().run()
    assert shots(app) == [other.input, equal.input] and not app.exception


def test_the_second_click_of_two_adds_no_other_example(monkeypatch: pytest.MonkeyPatch) -> None:
    app, add = page(), prompt_shots._append
    monkeypatch.setattr(prompt_shots, "_append", lambda shot: [add(shot), add(shot)])  # before the page is drawn anew
    go, before = button(app, ADDS), shots(app)
    for _ in range(2):
        go.click().run()
        assert shots(app) == [*before, POS.shots[2].input] and not app.exception


def test_a_prompt_is_saved_loaded_and_deleted() -> None:
    app = page()
    app.text_area(key="teacher_instructions").set_value(HOSTILE).run()
    app.text_input(key="prompt_store_name").set_value("../up").run()
    app.button(key="prompt_store_save").click().run()
    assert any("cannot name a prompt" in code.value for code in app.code)
    app.text_input(key="prompt_store_name").set_value("mine").run()
    app.button(key="prompt_store_save").click().run()
    assert saved_prompts.read(POS, "mine").instructions == HOSTILE
    app.button(key="teacher_restore").click().run()
    load, delete = (app.button(key=f"prompt_store_{act}_pos mine") for act in ("load", "delete"))
    assert (load.label, delete.label) == ("Load mine", "Delete mine")
    load.click().run()
    assert app.text_area(key="teacher_instructions").value == HOSTILE
    app.button(key="prompt_store_delete_pos mine").click().run()
    assert not app.exception and saved_prompts.names(POS) == []


def test_the_second_click_of_two_deletes_no_other_prompt() -> None:
    for name in ("A", "B"):
        saved_prompts.save(POS, name, default_prompt(POS))
    app = page()
    delete = app.button(key="prompt_store_delete_pos A")
    for _ in range(2):
        delete.click().run()
        assert saved_prompts.names(POS) == ["B"] and not app.exception and prompt_store.WRONG not in app.session_state


def test_samples_fill_the_form() -> None:
    app = page()
    app.button(key="teacher_sample_3").click().run()
    assert (len(shots(app)), app.session_state["teacher_schema"]) == (3, True)
    app.button(key="teacher_sample_0").click().run()
    assert (shots(app), app.session_state["teacher_schema"]) == ([], False)


def test_a_link_brings_the_prompt_and_an_edited_one_stands_in_it() -> None:
    prompt = Prompt(instructions=HOSTILE, shots=(as_shot(TRAIN[0]),))
    app = page(prompt=prompt.model_dump_json())
    assert app.text_area(key="teacher_instructions").value == HOSTILE
    assert shots(app) == [TRAIN[0].input]
    assert Prompt.model_validate_json(app.query_params["prompt"]) == prompt
    app.button(key="teacher_restore").click().run()
    assert "prompt" not in app.query_params
    app.text_area(key="teacher_instructions").set_value("x" * 2000).run()
    assert "prompt" not in app.query_params
    assert any("a copied link does not carry it" in caption.value for caption in app.caption)


def test_a_link_brings_every_choice_by_its_short_name() -> None:
    said = {"task": "cars", "source": "own", "text": "1974 ford pinto", "way": "without", "n": "6", "draw": "3"}
    app = page(**said)
    assert app.text_area(key="teacher_text cars").value == "1974 ford pinto"
    assert (app.slider(key="teacher_n").value, app.number_input(key="teacher_draw").value) == (6, 3)
    assert {k: v if isinstance(v, str) else v[0] for k, v in app.query_params.items()} == said
    app.text_area(key="teacher_text cars").set_value("x" * 2001).run()
    app.button_group(key="teacher_way").set_value("both").run()
    assert not {"text", "way"} & set(app.query_params)
    assert any("a copied link does not carry it" in caption.value for caption in app.caption)
    assert any(caption.value == "Seed 3 for the scored ones" for caption in app.sidebar.caption)
    app.button_group(key="teacher_source").set_value("dev").run()
    assert any(c.value == "Seed 0 for the example · 3 for the scored ones" for c in app.sidebar.caption)


@pytest.mark.parametrize("text", ["{", '{"instructions":""}', '{"instructions":"a","tools":[]}'])
def test_a_link_that_cannot_be_read_changes_nothing(text: str) -> None:
    app = page(prompt=text)
    assert app.text_area(key="teacher_instructions").value == POS.instructions


def test_a_seed_always_draws_the_same_example() -> None:
    app = page()
    app.button(key="teacher_random").click().run()
    dev = POS.load(None).dev
    assert app.number_input(key="teacher_seed").value == 1
    assert app.selectbox(key="teacher_example pos").value == teacher_input.drawn(len(dev), 1)[0]
    app.number_input(key="teacher_seed").set_value(7).run()
    assert app.selectbox(key="teacher_example pos").value == teacher_input.drawn(len(dev), 7)[0]
    assert teacher_input.drawn(50, 3)[:5] == teacher_input.drawn(50, 3)[:5]
    assert sorted(teacher_input.drawn(50, 3)) == list(range(50))


def through_api(app: AppTest, monkeypatch: pytest.MonkeyPatch, address: str) -> AppTest:
    monkeypatch.setattr(engine, "teacher", api.parse)
    app.selectbox(key="teacher_name").set_value("another model …").run()
    app.text_input(key="teacher_other").set_value(address).run()
    assert app.button(key="teacher_load").label.startswith("Send prompts and key to ")
    return app.button(key="teacher_load").click().run()


def test_an_api_answers_in_text_and_is_scored(
    serve: Any, chat_completion: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server answers each input with its gold, in a fence: what chat models do."""
    gold = {e.input: e.answer for e in CARS.load(None).dev}
    asked: list[dict] = []

    def reply(request: dict, _: Any) -> tuple[int, dict]:
        asked.append(request)
        return 200, chat_completion(f"```json\n{gold[request['messages'][-1]['content']]}\n```")

    app = through_api(short(page(task="cars")), monkeypatch, serve(reply))
    assert not app.exception
    assert any("characters; how many tokens" in caption.value for caption in app.caption)
    app.button(key="teacher_run").click().run()
    assert not app.exception
    found = app.session_state["teacher_asked"].found
    assert found["With the mask"].answer.valid and not found["Without the mask"].answer.valid  # its fence is no JSON
    assert found["With the mask"].answer.tokens == (30, 10)
    assert "response_format" in asked[0] and "response_format" not in asked[1]
    assert any("text only" in caption.value for caption in app.caption)
    app.slider(key="teacher_n").set_value(6).run()
    app.button(key="teacher_score_go").click().run()
    assert next(m for m in app.metric if m.label == "Exact match").delta == "6 of 6"


def test_clicks_while_an_api_answers_ask_nothing_twice(
    serve: Any, chat_completion: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A click draws the page anew while the answer is waited for."""
    asked: list[str] = []
    clicks = 0

    def reply(request: dict, _: Any) -> tuple[int, dict]:
        asked.append(request["messages"][-1]["content"])
        time.sleep(0.2)
        return 200, chat_completion("{}")

    def click_or_wait(seconds: float) -> None:
        nonlocal clicks
        clicks += 1
        if clicks % 2:
            st.rerun()
        time.sleep(seconds)

    app = through_api(short(page(task="cars")), monkeypatch, serve(reply))
    monkeypatch.setattr(asking, "time", SimpleNamespace(sleep=click_or_wait))
    app.button(key="teacher_run").click().run()
    assert not app.exception and clicks > 2 and len(asked) == 2  # with the mask, and without
    asked.clear()
    app.slider(key="teacher_n").set_value(6).run()
    app.button(key="teacher_score_go").click().run()
    assert not app.exception and len(asked) == len(set(asked)) == 6


@pytest.mark.parametrize(
    ("go", "state", "press", "has_come"),
    [
        ("run", "teacher_asked", partial(asking._stop, "teacher_asked"), lambda asked: any(asked.partial.values())),
        ("score_go", "teacher_job", teacher_job._stop, lambda _: True),
    ],
    ids=["one", "many"],
)
def test_stop_ends_what_an_api_is_asked(
    serve: Any, chat_chunk: Any, monkeypatch: pytest.MonkeyPatch, go: str, state: str, press: Any, has_come: Any
) -> None:
    """The server writes for ever: one text in a stream, blanks to many inputs. Its readers leave at Stop."""
    asked, left = threading.Event(), threading.Event()
    stopped = False

    def endless(request: dict) -> Iterator[bytes]:
        try:
            while True:
                yield chat_chunk("Ford ") if request.get("stream") else b" " * 1000
                asked.set()
        finally:
            left.set()

    def wait_and_press(seconds: float) -> None:
        nonlocal stopped
        time.sleep(seconds)
        if not stopped and asked.is_set() and has_come(st.session_state[state]):
            stopped = True
            press()
            st.rerun()

    app = through_api(short(page(task="cars")), monkeypatch, serve(lambda request, _: (200, endless(request))))
    monkeypatch.setattr(asking, "time", SimpleNamespace(sleep=wait_and_press))
    app.button(key=f"teacher_{go}").click().run()
    assert not app.exception and stopped and left.wait(60)
    assert not app.session_state[state].coming and not app.button(key=f"teacher_{go}").disabled
    assert go != "run" or any(text.value.startswith("Ford ") for text in app.text)  # what has come is kept


def test_an_api_that_refuses_is_said_without_the_key(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STILLROOM_API_KEY", "sk-secret")
    refusal = {"error": {"message": "wrong key sk-secret"}}
    app = through_api(short(page()), monkeypatch, serve(lambda *_: (401, refusal)))
    app.button(key="teacher_run").click().run()
    app.button(key="teacher_score_go").click().run()
    assert not app.exception
    said = [code.value for code in app.code if "refuses the key" in code.value]
    assert len(said) == 3 and not any("sk-secret" in text for text in said)
    assert not app.button(key="teacher_score_go").disabled


def test_tokens_that_a_server_does_not_count_are_not_said_to_be_none() -> None:
    answer = partial(engine.Answer, "Hi", (), (), True, 1.0, 1)
    assert teacher_try._figures(answer((30, 10))) == "1.0 s · 30 tokens read, 10 written"
    assert teacher_try._figures(answer((0, 0), "It was cut")) == "1.0 s · tokens not counted · It was cut"


def test_an_address_that_must_not_be_asked_is_an_error_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    app = through_api(page(), monkeypatch, "http://example.com/v1#m")
    assert not app.exception
    assert any("in the clear" in code.value for code in app.code)


def found(low: float, high: float, examples: int = 20) -> Paired:
    return Paired(examples, 0, 0, 0, (low + high) / 2, low, high)


def test_verdicts() -> None:
    verdict = teacher_versus.verdict
    assert verdict(found(0.1, 0.2), (9, 1)).startswith("**Keep A.**")
    assert verdict(found(-0.2, -0.1), (1, 9)).startswith("**Keep B.**")
    assert verdict(found(-0.1, 0.1), (90, 40)).startswith("**Keep B, the shorter one** (40 against 90)")
    assert verdict(found(0.1, 0.2, 5), (9, 1)).startswith("**No verdict yet.**")


def test_the_worst_come_first_and_differences_are_ordered() -> None:
    examples = CARS.load(None).dev[:3]
    half = json.dumps({**json.loads(examples[1].answer), "model": "x", "mpg": None})
    outputs = {examples[0].input: examples[0].answer, examples[1].input: half, examples[2].input: HOSTILE}
    table = teacher_score.table(CARS, examples, outputs)
    assert list(table["Answer"]) == [HOSTILE, half, examples[0].answer]
    assert [right[0] for right in table["Right"]] == ["✗", "✗", "✓"]
    both = [list(outputs.values()), [e.answer for e in examples]]
    counts = [[CARS.evaluate(e, o) for e, o in zip(examples, each, strict=True)] for each in both]
    differing = teacher_versus.differences(examples, both, counts, CARS.metrics[0])
    assert list(differing["A"]) == [HOSTILE, half]
    assert all(who.startswith("B better") for who in differing["Who"])


def test_a_saved_prompt_that_is_gone_is_an_error_on_the_page() -> None:
    saved_prompts.save(POS, "one", default_prompt(POS))
    app = page()
    app.selectbox(key="teacher_b").set_value("saved one").run()
    saved_prompts.save(POS, "one", default_prompt(POS)).write_text("{")
    app.run()
    assert not app.exception
    assert any("cannot be read" in code.value for code in app.code)
    with pytest.raises(ModelError):
        engine.answer(ApiTeacher("n", "http://localhost/v1", "m"), POS, "a", None, constrained=True)
    assert prompt_store.WRONG not in app.session_state
