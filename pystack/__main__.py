"""`python -m pystack` is `pystack`."""

import sys

from pystack.client import main

sys.exit(main())
