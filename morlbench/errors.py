"""The errors a user can cause or meet; the CLI prints each as one sentence."""


class MorlbenchError(Exception):
    """Something failed in a way that one sentence explains; exit code 1."""


class BadInput(MorlbenchError):
    """What was given is not acceptable; the sentence says what was expected; exit code 2."""


class OverBudget(MorlbenchError):
    """A method asked for more scored responses than its budget has left; nothing was scored."""


class BadRecord(MorlbenchError):
    """A stored record is truncated, edited or of another schema."""
