"""`python -m lrcore`; see `lrcore.cli`."""

import os
import sys

# A training run shares its work among threads of its own; BLAS's threads would only get in their
# way.  BLAS reads this variable when it is loaded, hence before any import of numpy.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from lrcore.cli import main

sys.exit(main())
