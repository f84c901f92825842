import gc
import weakref

import pytest

from core import collector


class Knot:
    """Only the collector can free it: it holds itself."""

    def __init__(self):
        self.itself = self


@pytest.fixture(autouse=True)
def as_before():
    """What the tests froze is looked through again, and nobody watches."""
    yield
    while collector._watch in gc.callbacks:
        gc.callbacks.remove(collector._watch)
    gc.unfreeze()


def test_what_survives_a_slow_collection_is_not_looked_through_again(monkeypatch):
    monkeypatch.setattr(collector, "SLOW", 0.0)
    collector.keep_short()
    alive = [[i] for i in range(1000)]
    gc.collect()
    assert gc.get_freeze_count() > len(alive)
    assert not any(one is alive for one in gc.get_objects())


def test_a_quick_collection_changes_nothing(monkeypatch):
    monkeypatch.setattr(collector, "SLOW", 60.0)
    collector.keep_short()
    frozen = gc.get_freeze_count()
    gc.collect()
    assert gc.get_freeze_count() == frozen


def test_what_is_dead_is_freed_all_the_same(monkeypatch):
    monkeypatch.setattr(collector, "SLOW", 0.0)
    collector.keep_short()
    dead = weakref.ref(Knot())
    gc.collect()
    assert dead() is None


def test_freezing_frees_what_died_since_it_was_frozen():
    knot = Knot()
    collector.freeze()
    gone = weakref.ref(knot)
    del knot
    gc.collect()
    assert gone() is not None  # frozen: nobody looks
    collector.freeze()
    assert gone() is None


def test_it_watches_once():
    collector.keep_short()
    collector.keep_short()
    assert gc.callbacks.count(collector._watch) == 1
