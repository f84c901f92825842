"""What people read for the names that configurations and reports use: one name for one thing, on every page, in every
chart and in every file."""

from core.tasks import Task

MASKED = {True: "With the mask", False: "Without the mask"}  # how an answer was written
ROLES = {"teacher": "Teacher", "untrained": "Untrained student", "trained": "Trained student"}
_CHOICES = {
    "pseudo_labels": "Pseudo-labels", "gpt2": "GPT-2", "pca": "PCA", "lora": "LoRA", "adalora": "AdaLoRA",
    "int8": "int8", "nf4": "NF4", "logprobs": "Log-probabilities", "forward_kl": "Forward KL",
    "reverse_kl": "Reverse KL", "jensen_shannon": "Jensen–Shannon",
}  # fmt: skip


def metric(name: str, task: Task | None = None) -> str:
    """Of a task's metric, or of what else validation measures; a field of the task's answers is called a field."""
    if task and name in task.output.model_fields:
        return f"Field {name}"
    return _readable(name)


def choice(name: str) -> str:
    """Of a choice that a run's configuration offers."""
    return _CHOICES.get(name) or _readable(name)


def _readable(name: str) -> str:
    return name.replace("_", " ").capitalize()
