"""Positions valued by a teacher: where they come from, who values them, and the text formats that hold them."""
