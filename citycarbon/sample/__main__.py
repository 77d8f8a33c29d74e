"""``python -m citycarbon.sample DIR SEED``: the sample in a process of its own, for a run that loads its job meanwhile."""

import sys
from pathlib import Path

from citycarbon.sample import write_sample

if __name__ == "__main__":
    write_sample(Path(sys.argv[1]), seed=int(sys.argv[2]))
