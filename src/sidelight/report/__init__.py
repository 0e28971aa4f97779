"""A comparison as one page: reads a record of plain values, draws, and writes a single HTML file."""
