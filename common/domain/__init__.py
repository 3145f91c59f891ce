"""The domain's ground: callers, errors, ids, state machines, constraints and counters. Knows no HTTP."""
