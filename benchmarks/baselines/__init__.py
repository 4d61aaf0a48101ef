"""What the functions are held against: the code that samples show."""
