"""What is learned. One file a task; `TASKS` lists them by name."""

from core.tasks.cars import CARS
from core.tasks.pos import POS
from core.tasks.task import Dataset, Example, Task

TASKS: dict[str, Task] = {task.name: task for task in (POS, CARS)}

__all__ = ["CARS", "POS", "TASKS", "Dataset", "Example", "Task"]
