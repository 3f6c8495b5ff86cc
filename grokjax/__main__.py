"""`python -m grokjax`, the same as `grokjax`."""

import sys

from grokjax.cli import main

sys.exit(main())
