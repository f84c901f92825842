"""How a prompt becomes ids: by the tokenizer's chat template, or as plain text where it has none.

The input is spliced in as text: what looks like a special token in it stays text. A student that teaches in its turn
reads no prompt.
"""

from core.errors import ModelError
from core.models.language_model import LanguageModel
from core.tasks.prompt import Prompt
from core.tasks.task import Task

_SLOT = "\ue000input\ue000"  # private-use characters: stands where the input goes


def render(lm: LanguageModel, task: Task, prompt: Prompt, text: str) -> list[int]:
    """Ids of the whole prompt around `text`, up to where the answer starts."""
    if lm.reads_input_alone:
        return lm.student_prompt(text)
    before, after = _around(lm, task, prompt)
    return [*before, *lm.encode(text), *after]


def text_of(lm: LanguageModel, task: Task, prompt: Prompt, text: str) -> str:
    """The prompt exactly as the teacher reads it."""
    if lm.reads_input_alone:
        return lm.tokenizer.decode(lm.student_prompt(text))
    return lm.tokenizer.decode(_beginning(lm)) + _template(lm, task, prompt).replace(_SLOT, text)


def question(lm: LanguageModel, text: str) -> list[int]:
    """Ids of a chat that is nothing but `text`, up to where the answer starts."""
    if lm.reads_input_alone:
        return lm.student_prompt(text)
    if ("question",) not in lm.prompts:
        lm.prompts[("question",)] = _split(lm, _written(lm, [{"role": "user", "content": _SLOT}]))
    before, after = lm.prompts[("question",)]
    return [*before, *lm.encode(text), *after]


def lengths(lm: LanguageModel, task: Task, prompt: Prompt, text: str) -> dict[str, int]:
    """Tokens of each part of the prompt; together they are the length of `render`. What the chat template puts around
    the parts, and merges with them, counts as its own."""
    if lm.reads_input_alone:
        around = len(lm.student_prompt(""))
        return {"input": len(lm.student_prompt(text)) - around, "separator": around}
    bare = prompt.model_copy(update={"with_schema": False, "shots": ()})
    stages = [len(render(lm, task, p, "")) for p in (bare, bare.model_copy(update={"shots": prompt.shots}), prompt)]
    instructions = min(len(lm.encode(prompt.instructions)), stages[0])
    return {
        "instructions": instructions,
        "schema": stages[2] - stages[1],
        "shots": stages[1] - stages[0],
        "template": stages[0] - instructions,
        "input": len(lm.encode(text)),
    }


def _around(lm: LanguageModel, task: Task, prompt: Prompt) -> tuple[list[int], list[int]]:
    if (task.name, prompt) not in lm.prompts:
        lm.prompts[task.name, prompt] = _split(lm, _template(lm, task, prompt))
    return lm.prompts[task.name, prompt]


def _split(lm: LanguageModel, chat: str) -> tuple[list[int], list[int]]:
    """Ids before and after the place of the input."""
    before, found, after = chat.partition(_SLOT)
    if not found:
        raise ModelError(f"the chat template of {lm.name} drops the user's text: it cannot be used as a teacher.")
    encode = lambda part: lm.tokenizer(part, add_special_tokens=False)["input_ids"]
    special = [token.content for token in lm.tokenizer.added_tokens_decoder.values()]
    end = min((place for token in special if (place := after.find(token)) >= 0), default=len(after))
    return [*_beginning(lm), *encode(before)], [*lm.encode(after[:end]), *encode(after[end:])]


def _beginning(lm: LanguageModel) -> list[int]:
    """What stands before a chat as it is written: a template writes that itself."""
    return [] if lm.tokenizer.chat_template else lm.beginning


def _template(lm: LanguageModel, task: Task, prompt: Prompt) -> str:
    return _written(lm, prompt.messages(task, _SLOT))


def _written(lm: LanguageModel, messages: list[dict[str, str]]) -> str:
    """A chat as its template writes it."""
    if not lm.tokenizer.chat_template:
        parts = [m["content"] + ("\nAnswer: " if m["role"] == "user" else "\n\n") for m in messages]
        return "".join(parts)
    ways = [messages]
    if messages[0]["role"] == "system":  # some templates (Gemma) know no such role: put it in front of the first turn
        first = {**messages[1], "content": messages[0]["content"] + "\n\n" + messages[1]["content"]}
        ways.append([first, *messages[2:]])
    for way in ways:
        try:
            return lm.tokenizer.apply_chat_template(way, tokenize=False, add_generation_prompt=True)
        except Exception as error:  # a template's own, or Jinja's
            failure = error
    raise ModelError(f"the chat template of {lm.name} cannot be used: {failure}") from failure
