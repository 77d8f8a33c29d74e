"""How many examples a property with costly ones tries. No tests here."""

from hypothesis import settings


def up_to(most: int) -> int:
    """``most`` examples, a quarter of them in the fast tier, whose profile says so (at least two)."""
    return max(2, most * settings().max_examples // 100)
