"""What a month costs on AWS: durations measured here, counts from the templates, list prices."""
