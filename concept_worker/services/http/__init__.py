"""What the paid providers' adapters share: an HTTP client with a total deadline, and one table of troubles."""
