"""Counted checks for the programs that the scripts run: the first that fails ends the program."""

import sys

count = 0


def check(what, found, expected=True):
    """`found` must equal `expected`."""
    global count
    if found != expected:
        if isinstance(found, set) and isinstance(expected, set):
            found, expected = found - expected, expected - found
        sys.exit(f"FAILED: {what}: found {shortened(found)}, expected {shortened(expected)}")
    count += 1


def shortened(value):
    text = repr(value)
    return text if len(text) <= 1000 else f"{text[:1000]}..."


def check_error(what, error, text, action, *arguments):
    """`action` must raise `error` with `text` in its message."""
    global count
    try:
        found = action(*arguments)
    except error as problem:
        if text not in str(problem):
            sys.exit(f"FAILED: {what}: the message {str(problem)!r} does not contain {text!r}")
        count += 1
        return problem
    sys.exit(f"FAILED: {what}: no {error.__name__}, but {found!r}")


def done():
    """Says how many checks there were."""
    print(count)
