"""Published lists of a policy against the sourced one: which rows differ and how, and what that does to an estimate.

``listed`` reads the rows of the lists as a run has staged them, ``compare`` puts them beside the sourced list, ``influence``
estimates with each dating, ``words`` says what came out. Which lists there are stands in the study (``treatment.lists``).
"""

from citycarbon.policy_lists.write import write_policy_lists

__all__ = ["write_policy_lists"]
