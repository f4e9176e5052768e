"""The sound of telephone lines as bytes, a file for each way to write it."""
