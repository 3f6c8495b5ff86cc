"""`python -m grokjax`, the same as `grokjax`."""

import sys

from grokjax.cli.main import main

sys.exit(main())
