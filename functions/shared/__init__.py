"""Parts that several functions share: adapters of AWS, the clock, metrics, and how parts are put together."""
