"""What a launch in shards cannot do; that it learns as a whole student does is in tests/core/runs/test_launch.py."""

from types import SimpleNamespace

import pytest
import torch
from accelerate.utils import DistributedType

from core.distill import sharded
from core.errors import ConfigError
from core.models import students, teachers
from core.models.student_config import StudentConfig


def test_adalora_in_shards_is_refused(teacher_folder):
    base = teachers.load(str(teacher_folder), torch.float32)
    student = students.build(StudentConfig(kind="existing", tuning="adalora", lora_rank=2), base, [], seed=0)
    for kind in (DistributedType.FSDP, DistributedType.DEEPSPEED):
        with pytest.raises(ConfigError, match=r"take tuning 'lora', or launch with assets/accelerate/multi_gpu\.yaml"):
            sharded.trained(student, SimpleNamespace(distributed_type=kind))
    whole = SimpleNamespace(distributed_type=DistributedType.MULTI_GPU)
    assert sharded.trained(student, whole) is student
