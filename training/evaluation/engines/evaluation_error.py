"""The error of a measurement that cannot be made."""


class EvaluationError(ValueError):
    """An input, an engine or an option is not usable; the text is one line for the person asking."""
