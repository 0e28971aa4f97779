"""Rules from losses and validation signals to the next loss weights, one a file."""
