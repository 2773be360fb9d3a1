"""`python -m lrcore`; see `lrcore.cli`."""

import os
import sys

# A training run shares its work among threads of its own, and BLAS's would only wait for each
# other; BLAS reads this when it is loaded.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from lrcore.cli import main

sys.exit(main())
