"""What teachers save, against full batches and tuned mini-batches. `python -m studies.teaching --help`."""
