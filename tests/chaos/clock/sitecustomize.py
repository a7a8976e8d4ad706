"""A clock that is off: `time.time` of this process, by `CHAOS_SKEW` seconds."""

import os
import time

_real, _skew = time.time, float(os.environ.get("CHAOS_SKEW", "0"))
time.time = lambda: _real() + _skew
