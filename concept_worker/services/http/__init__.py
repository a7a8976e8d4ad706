"""The HTTP parts that the paid providers' adapters share: a client with a total deadline, and one table of troubles."""
