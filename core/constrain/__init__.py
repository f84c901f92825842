"""From a schema to masks: schema -> automaton -> allowed tokens -> logits processor."""
