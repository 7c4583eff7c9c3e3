"""When open-loop requests are sent."""

import numpy as np


def poisson(rate_per_s: float, n_requests: int, *, seed: int = 0) -> tuple[float, ...]:
    """Return `n_requests` arrival times in s, from 0 on, of a Poisson process.

    The same seed gives the same arrivals, so that everything that is compared meets the same load.

    Raises:
        ValueError: the rate is not positive.
    """
    if rate_per_s <= 0:
        raise ValueError(f"rate_per_s must be positive, not {rate_per_s}")
    gaps = np.random.default_rng(seed).exponential(1.0 / rate_per_s, n_requests)
    return tuple(float(time_s) for time_s in np.cumsum(gaps) - gaps[:1].sum())


def poisson_for(rate_per_s: float, seconds: float, *, seed: int = 0) -> tuple[float, ...]:
    """Return the arrivals of a Poisson process within `seconds`, at least one."""
    likely = int(rate_per_s * seconds * 2) + 16
    arrivals = poisson(rate_per_s, likely, seed=seed)
    return tuple(time_s for time_s in arrivals if time_s < seconds)
