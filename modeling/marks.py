"""Names of what limits figures and travels with them, from a sample to the publish gate, where each is accepted.

Every other floor and every page takes them from here; their sentences are in :mod:`projects.marks`.
"""

LEAKAGE_UNKNOWN = "leakage_unknown"  # the sample or a source has no time
IMMATURE_MONTHS = "immature_months"  # months with less than the performance window
MATURITY_SUSPECTED = "maturity_suspected"  # the window is not given, and the bad rate falls at the end
BEFORE_SOURCE = "before_source"  # applications from before a source's first event
ZERO_DELAY = "zero_delay"  # a missing known-at is taken as the event time itself
THIN_LEAVES = "thin_leaves"  # leaves with fewer people than may be published
SHARED_PEOPLE = "shared_people"  # the same people in train and in oot
POPULATION_DIFFERS = "population_differs"  # the matched are not like the unmatched
LEAK_SUSPECTED = "leak_suspected"  # a column in use seems to know the outcome, and nobody has said why not

ALL = (
    LEAKAGE_UNKNOWN,
    IMMATURE_MONTHS,
    MATURITY_SUSPECTED,
    BEFORE_SOURCE,
    ZERO_DELAY,
    THIN_LEAVES,
    SHARED_PEOPLE,
    POPULATION_DIFFERS,
    LEAK_SUSPECTED,
)
