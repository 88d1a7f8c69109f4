"""``python -m ondevice.cli``."""

import sys

from ondevice.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
