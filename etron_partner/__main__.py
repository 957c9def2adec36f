"""``python -m etron_partner``."""

import sys

from etron_partner.command import main

sys.exit(main())
